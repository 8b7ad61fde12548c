// A ttrpc server on one thread, which both floors use.
//
// A round is one epoll_wait: one read of each ready connection, a call of `request` for each whole
// frame in it, `round_end` once, then one write of each connection that has replies.
// Invariants:
// 1. No reply is sent before `round_end` has returned, so that a group commit in it is durable first.
// 2. epoll is level-triggered; bytes that a socket does not take wait in its buffer for EPOLLOUT.
#pragma once

#include "frame.h"

struct rounds_handler {
  void *state;
  // Appends the reply of one call to `out`.
  void (*request)(void *state, uint32_t stream, const struct request *request, struct buffer *out);
  // Called when all that was readable has been handled, before replies are sent. May be NULL.
  void (*round_end)(void *state);
  // Called after the replies were sent, for work that nobody waits for. May be NULL.
  void (*after_replies)(void *state);
};

// Serves until SIGTERM or SIGINT. Replaces the socket file if there is one.
void rounds_serve(const char *socket_path, const struct rounds_handler *handler);
