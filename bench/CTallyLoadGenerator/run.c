// The loops: closed, and by rate.
#include "run.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "die.h"

enum {
  EVENTS_A_ROUND = 256,
  READ_BYTES = 256 << 10,
  AMOUNT_LIMIT_MICROS = 100,  // small, so that no account runs dry
  SILENCE_LIMIT_MILLIS = 30000,
  NANOSECONDS = 1000000000,
};

int socket_connect(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) die("socket path too long: %s", path);
  strcpy(address.sun_path, path);
  int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0)
    die_errno("connect to %s", path);
  struct timeval limit = {.tv_sec = SILENCE_LIMIT_MILLIS / 1000};
  if (setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0) die_errno("SO_RCVTIMEO");
  return descriptor;
}

void socket_send(struct connection *connection) {
  while (buffer_length(&connection->out) > 0) {
    ssize_t count = send(connection->descriptor, buffer_front(&connection->out),
                         buffer_length(&connection->out), MSG_NOSIGNAL);
    if (count < 0) die_errno("send");
    buffer_take(&connection->out, (size_t)count);
  }
}

// Sends what the socket takes without waiting.
static void send_some(struct connection *connection) {
  connection->is_blocked = false;
  while (buffer_length(&connection->out) > 0) {
    ssize_t count = send(connection->descriptor, buffer_front(&connection->out),
                         buffer_length(&connection->out), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno != EAGAIN) die_errno("send");
    connection->is_blocked = count < 0;
    if (count < 0) return;
    buffer_take(&connection->out, (size_t)count);
  }
}

void socket_receive(struct connection *connection) {
  uint8_t *at = buffer_reserve(&connection->in, READ_BYTES);
  ssize_t count = recv(connection->descriptor, at, READ_BYTES, 0);
  if (count < 0) die_errno("recv");
  if (count == 0) die("the server closed the connection");
  connection->in.end += (size_t)count;
}

static bool may_start(const struct run *run) {
  if (run->limit > 0 && run->started >= run->limit) return false;
  return run->last_nanoseconds < run->end_nanoseconds;
}

static void start_at(struct run *run, struct connection *connection, struct slot *slot, uint64_t now) {
  uint32_t accounts = run->options.accounts;
  slot->number = run->started;
  slot->account = run->options.first + (run->in_order ? (uint32_t)(run->started % accounts)
                                                      : random_below(&run->random, accounts));
  slot->amount_micros = 2 + random_below(&run->random, AMOUNT_LIMIT_MICROS - 1);
  slot->phase = slot->turn = 0;
  make_key(&run->random, run->options.ordered_keys, slot->key);
  slot->started_nanoseconds = now;
  run->started++;
  run->in_flight++;
  run->protocol->send(run, connection, slot);
}

// Gives a slot its next operation, or with a rate back to whatever is due next.
static void start(struct run *run, struct connection *connection, struct slot *slot) {
  if (run->options.rate > 0)
    connection->free_slots[connection->free_count++] = slot->index;
  else if (may_start(run))
    start_at(run, connection, slot, now_nanoseconds());
}

void run_restart_clock(struct slot *slot) { slot->started_nanoseconds = now_nanoseconds(); }

static void end_operation(struct run *run, uint64_t now) {
  run->in_flight--;
  run->last_nanoseconds = now;
}

void run_succeed(struct run *run, struct connection *connection, struct slot *slot) {
  uint64_t now = now_nanoseconds();
  end_operation(run, now);
  // An operation that takes longer than the measured time extends it, and counts.
  bool is_first_and_late = now >= run->end_nanoseconds && run->histogram.total == 0;
  if (is_first_and_late) run->end_nanoseconds = now;
  // With a rate the slowest ones end after the measured time, and count by when they began.
  uint64_t at = run->options.rate > 0 ? slot->started_nanoseconds : now;
  if (is_first_and_late || (at >= run->begin_nanoseconds && at < run->end_nanoseconds))
    histogram_record(&run->histogram, now - slot->started_nanoseconds);
  start(run, connection, slot);
}

void run_fail(struct run *run, struct connection *connection, struct slot *slot, const char *name,
              size_t length) {
  uint64_t now = now_nanoseconds();
  end_operation(run, now);
  if (run->options.rate > 0 && slot->started_nanoseconds >= run->begin_nanoseconds)
    histogram_record(&run->failures, now - slot->started_nanoseconds);
  if (length >= ERROR_NAME_LIMIT_BYTES) length = ERROR_NAME_LIMIT_BYTES - 1;
  unsigned kind = 0;
  while (kind < run->error_kinds &&
         !(strlen(run->errors[kind].name) == length && memcmp(run->errors[kind].name, name, length) == 0))
    kind++;
  if (kind == ERROR_KINDS_LIMIT) kind--;  // the last kind also stands for all that found no room
  if (kind == run->error_kinds) {
    memcpy(run->errors[kind].name, name, length);
    run->error_kinds++;
  }
  run->errors[kind].count++;
  start(run, connection, slot);
}

static void open_all(struct run *run, int poller) {
  struct options *options = &run->options;
  run->connections = calloc(options->connections, sizeof *run->connections);
  if (run->connections == NULL) die("out of memory");
  for (uint32_t i = 0; i < options->connections; i++) {
    struct connection *connection = &run->connections[i];
    connection->descriptor = socket_connect(options->socket);
    connection->slots = calloc(options->depth, sizeof *connection->slots);
    connection->free_slots = calloc(options->depth, sizeof *connection->free_slots);
    if (connection->slots == NULL || connection->free_slots == NULL) die("out of memory");
    for (uint32_t slot = 0; slot < options->depth; slot++) connection->slots[slot].index = slot;
    if (run->protocol->open != NULL) run->protocol->open(run, connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, connection->descriptor, &event) != 0) die_errno("epoll_ctl");
  }
}

static void start_all(struct run *run) {
  uint64_t now = now_nanoseconds();
  run->begin_nanoseconds = now + (uint64_t)(run->options.warmup * 1e9);
  run->end_nanoseconds = run->begin_nanoseconds + (uint64_t)(run->options.seconds * 1e9);
  uint64_t to_seed = run->protocol->operations != NULL ? run->protocol->operations(&run->options) : 0;
  run->in_order = to_seed > 0;
  run->limit = run->options.operations > 0 ? run->options.operations : to_seed;
  if (run->limit > 0) {
    run->begin_nanoseconds = now;
    run->end_nanoseconds = UINT64_MAX;
  }
  for (uint32_t i = 0; i < run->options.connections; i++) {
    struct connection *connection = &run->connections[i];
    for (uint32_t slot = 0; slot < run->options.depth; slot++)
      start(run, connection, &connection->slots[slot]);
    socket_send(connection);
  }
}

static void serve(struct run *run, struct connection *connection) {
  socket_receive(connection);
  run->protocol->receive(run, connection);
  if (run->options.rate > 0)
    send_some(connection);
  else
    socket_send(connection);
}

// The next connection in turn that takes another call; NULL when none does.
static struct connection *ready_connection(struct run *run) {
  for (uint32_t tried = 0; tried < run->options.connections; tried++) {
    struct connection *connection = &run->connections[run->turn++ % run->options.connections];
    if (connection->free_count > 0 && !connection->is_blocked) return connection;
  }
  return NULL;
}

// Begins what has become due. Returns when the next is, or 0 when there is none.
static uint64_t begin_due(struct run *run) {
  uint64_t first = run->end_nanoseconds - (uint64_t)((run->options.warmup + run->options.seconds) * 1e9);
  uint64_t now = now_nanoseconds();
  for (uint32_t i = 0; i < run->options.connections; i++)
    if (run->connections[i].is_blocked) send_some(&run->connections[i]);
  uint64_t due;
  while ((due = first + (uint64_t)((double)run->due * 1e9 / run->options.rate)) <= now &&
         due < run->end_nanoseconds) {
    run->due++;
    struct connection *connection = ready_connection(run);
    if (connection == NULL) {
      if (due >= run->begin_nanoseconds) run->left_out++;
      continue;
    }
    start_at(run, connection, &connection->slots[connection->free_slots[--connection->free_count]], due);
  }
  for (uint32_t i = 0; i < run->options.connections; i++)
    if (buffer_length(&run->connections[i].out) > 0) send_some(&run->connections[i]);
  return due < run->end_nanoseconds ? due : 0;
}

// Waits for answers, with a rate no longer than until the next operation is due.
static int wait_for_events(struct run *run, int poller, struct epoll_event *events) {
  struct timespec limit = {.tv_sec = SILENCE_LIMIT_MILLIS / 1000};
  uint64_t due = run->options.rate > 0 ? begin_due(run) : 0;
  if (due > 0) {
    uint64_t now = now_nanoseconds();
    uint64_t rest = due > now ? due - now : 0;
    limit = (struct timespec){.tv_sec = (time_t)(rest / NANOSECONDS), .tv_nsec = (long)(rest % NANOSECONDS)};
  }
  int count = epoll_pwait2(poller, events, EVENTS_A_ROUND, &limit, NULL);
  if (count == 0 && due == 0 && run->in_flight > 0)
    die("no reply for %d ms, %llu calls in flight", SILENCE_LIMIT_MILLIS, (unsigned long long)run->in_flight);
  run->is_over = due == 0;
  return count;
}

void run_measure(struct run *run) {
  int poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) die_errno("epoll_create1");
  open_all(run, poller);
  start_all(run);
  while (run->in_flight > 0 || (run->options.rate > 0 && !run->is_over)) {
    if (run->options.connections == 1 && run->options.rate == 0) {  // one caller just waits for its reply
      serve(run, run->connections);
      continue;
    }
    struct epoll_event events[EVENTS_A_ROUND];
    int count = wait_for_events(run, poller, events);
    for (int i = 0; i < count; i++) serve(run, events[i].data.ptr);
  }
  if (run->end_nanoseconds == UINT64_MAX) run->end_nanoseconds = run->last_nanoseconds;
  for (uint32_t i = 0; i < run->options.connections; i++) {
    close(run->connections[i].descriptor);
    buffer_free(&run->connections[i].in);
    buffer_free(&run->connections[i].out);
    free(run->connections[i].slots);
    free(run->connections[i].free_slots);
  }
  free(run->connections);
  buffer_free(&run->scratch);
  close(poller);
}
