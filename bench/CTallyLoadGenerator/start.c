// Start-up: fork, exec, connect as soon as the socket answers, one GetBalance, SIGTERM, wait.
#include "start.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "die.h"
#include "fields.h"
#include "frame.h"
#include "run.h"

enum {
  RETRY_MICROS = 100,
  START_LIMIT_SECONDS = 30,
  LINE_LIMIT_BYTES = 4096,
};

struct server {
  pid_t pid;
  int output;  // what it prints
  uint64_t started_nanoseconds;
};

static struct server spawn(char **command) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) die_errno("pipe");
  struct server server = {.output = ends[0], .started_nanoseconds = now_nanoseconds()};
  server.pid = fork();
  if (server.pid < 0) die_errno("fork");
  if (server.pid == 0) {
    dup2(ends[1], STDOUT_FILENO);
    execvp(command[0], command);
    die_errno("exec %s", command[0]);
  }
  close(ends[1]);
  return server;
}

static _Noreturn void give_up(const struct server *server, const char *why) {
  kill(server->pid, SIGKILL);
  die("the server did not start: %s", why);
}

// The value of "socket" in the line that an ephemeral server prints.
static void read_socket(const struct server *server, char *path, size_t room) {
  char line[LINE_LIMIT_BYTES];
  size_t length = 0;
  while (length == 0 || line[length - 1] != '\n') {
    ssize_t count = read(server->output, line + length, sizeof line - 1 - length);
    if (count <= 0) give_up(server, "it printed no line");
    length += (size_t)count;
  }
  line[length] = '\0';
  char *at = strstr(line, "\"socket\"");
  char *from = at != NULL ? strchr(at + strlen("\"socket\""), '"') : NULL;
  char *to = from != NULL ? strchr(from + 1, '"') : NULL;
  if (to == NULL || (size_t)(to - from) > room) give_up(server, "its line names no socket");
  size_t kept = 0;
  for (const char *byte = from + 1; byte < to; byte++)
    if (*byte != '\\')  // JSON may escape the slashes
      path[kept++] = *byte;
  path[kept] = '\0';
}

static int connect_soon(const struct server *server, const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) die("socket path too long: %s", path);
  strcpy(address.sun_path, path);
  uint64_t limit = server->started_nanoseconds + START_LIMIT_SECONDS * 1000000000ull;
  while (now_nanoseconds() < limit) {
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0) return descriptor;
    close(descriptor);
    if (waitpid(server->pid, NULL, WNOHANG) != 0) give_up(server, "it ended");
    usleep(RETRY_MICROS);
  }
  give_up(server, "its socket never answered");
}

static void first_call(struct connection *connection) {
  uint8_t payload[ACCOUNT_NAME_BYTES + FIELD_OVERHEAD_BYTES];
  char name[ACCOUNT_NAME_BYTES];
  account_name(0, name);
  const uint8_t *end = put_bytes(payload, 1, name, sizeof name);
  request_append(&connection->out, 1, "tallystick.v1.CreditService", "GetBalance", payload,
                 (size_t)(end - payload));
  socket_send(connection);
  struct frame frame;
  while (frame_peek(&connection->in, &frame) == FRAME_PARTIAL) socket_receive(connection);
  struct response reply;
  if (!response_parse(&frame, &reply) || reply.code != 0)
    die("the first call failed: code %d: %.*s", reply.code, (int)reply.message.length, reply.message.bytes);
}

int start_measure(int count, char **arguments) {
  char path[sizeof((struct sockaddr_un *)0)->sun_path] = "";
  int at = 1;
  bool ephemeral = count > at && strcmp(arguments[at], "--ephemeral") == 0;
  if (!ephemeral && count > at + 1 && strcmp(arguments[at], "--socket") == 0)
    snprintf(path, sizeof path, "%s", arguments[++at]);
  at++;
  if (count <= at + 1 || strcmp(arguments[at], "--") != 0 || (!ephemeral && path[0] == '\0'))
    die("start --socket PATH|--ephemeral -- COMMAND ARGUMENT...");
  struct server server = spawn(arguments + at + 1);
  if (ephemeral) read_socket(&server, path, sizeof path);
  struct connection connection = {.descriptor = connect_soon(&server, path)};
  first_call(&connection);
  uint64_t replied = now_nanoseconds();
  close(connection.descriptor);
  kill(server.pid, SIGTERM);
  int status;
  if (waitpid(server.pid, &status, 0) != server.pid || status != 0)
    die("the server did not stop cleanly: status %d", status);
  printf("{\"first_reply_micros\":%.1f,\"stop_micros\":%.1f}\n",
         (double)(replied - server.started_nanoseconds) / 1000, (double)(now_nanoseconds() - replied) / 1000);
  return 0;
}
