// The floors' event loop.
#include "rounds.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "die.h"

enum {
  EVENTS_A_ROUND = 256,
  READ_BYTES = 64 << 10,
  BACKLOG = 512,
};

struct peer {
  int descriptor;
  bool waits_for_room;
  struct buffer in;
  struct buffer out;
};

static volatile sig_atomic_t stopping;

static void stop(int signal) {
  (void)signal;
  stopping = 1;
}

static void catch_signals(void) {
  // No SA_RESTART: epoll_wait must return.
  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
}

static int listen_at(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) die("socket path too long: %s", path);
  strcpy(address.sun_path, path);
  unlink(path);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
      listen(listener, BACKLOG) != 0)
    die_errno("listen at %s", path);
  return listener;
}

static void watch(int poller, int operation, int descriptor, uint32_t events, void *data) {
  struct epoll_event event = {.events = events, .data.ptr = data};
  if (epoll_ctl(poller, operation, descriptor, &event) != 0) die_errno("epoll_ctl");
}

static void accept_all(int poller, int listener) {
  for (;;) {
    int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0) return;
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL) die("out of memory");
    peer->descriptor = descriptor;
    watch(poller, EPOLL_CTL_ADD, descriptor, EPOLLIN, peer);
  }
}

static void close_peer(struct peer *peer) {
  close(peer->descriptor);
  buffer_free(&peer->in);
  buffer_free(&peer->out);
  free(peer);
}

// Reads once and handles every whole frame. False when the peer is gone or does not speak ttrpc.
static bool read_once(struct peer *peer, const struct rounds_handler *handler) {
  size_t missing = frame_missing(&peer->in);
  size_t room = missing > READ_BYTES ? missing : READ_BYTES;
  uint8_t *at = buffer_reserve(&peer->in, room);
  ssize_t count = recv(peer->descriptor, at, room, 0);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) return false;
  peer->in.end += (size_t)count;
  struct frame frame;
  enum frame_state state;
  while ((state = frame_peek(&peer->in, &frame)) == FRAME_WHOLE) {
    struct request request;
    if (frame.type == FRAME_REQUEST && request_parse(&frame, &request))
      handler->request(handler->state, frame.stream, &request, &peer->out);
    frame_take(&peer->in, &frame);
  }
  return state != FRAME_BROKEN;
}

// Writes once. False when the peer is gone.
static bool write_once(int poller, struct peer *peer) {
  if (buffer_length(&peer->out) > 0) {
    ssize_t count = send(peer->descriptor, buffer_front(&peer->out), buffer_length(&peer->out), MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (count > 0) buffer_take(&peer->out, (size_t)count);
  }
  bool waits = buffer_length(&peer->out) > 0;
  if (waits != peer->waits_for_room) {
    uint32_t events = waits ? EPOLLIN | EPOLLOUT : EPOLLIN;
    watch(poller, EPOLL_CTL_MOD, peer->descriptor, events, peer);
    peer->waits_for_room = waits;
  }
  return true;
}

static void run_round(int poller, int listener, const struct rounds_handler *handler) {
  struct epoll_event events[EVENTS_A_ROUND];
  bool alive[EVENTS_A_ROUND];
  int count = epoll_wait(poller, events, EVENTS_A_ROUND, -1);
  for (int i = 0; i < count; i++) {
    struct peer *peer = events[i].data.ptr;
    alive[i] = peer == NULL || !(events[i].events & EPOLLIN) || read_once(peer, handler);
  }
  if (count > 0 && handler->round_end != NULL) handler->round_end(handler->state);
  for (int i = 0; i < count; i++) {
    struct peer *peer = events[i].data.ptr;
    if (peer == NULL)
      accept_all(poller, listener);
    else if (!write_once(poller, peer) || !alive[i] || events[i].events & (EPOLLERR | EPOLLHUP))
      close_peer(peer);
  }
  if (count > 0 && handler->after_replies != NULL) handler->after_replies(handler->state);
}

void rounds_serve(const char *socket_path, const struct rounds_handler *handler) {
  catch_signals();
  int listener = listen_at(socket_path);
  int poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) die_errno("epoll_create1");
  watch(poller, EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
  while (!stopping) run_round(poller, listener, handler);
  close(poller);
  close(listener);
  unlink(socket_path);
}
