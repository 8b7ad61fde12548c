// A ttrpc server on one thread: the shape both floors share.
//
// A round is one epoll_wait: one read of each ready connection, a call of `request` for each whole
// frame in it, `round_end` once, then one write of each connection that has replies.
// 1. No reply leaves before `round_end` has returned: a group commit in it is durable first.
// 2. Level-triggered; what a socket does not take waits in its buffer for EPOLLOUT.
// Owner: the thread that runs rounds_serve.
#pragma once

#include "frame.h"

struct rounds_handler {
  void *state;
  // Appends the reply of one call to `out`.
  void (*request)(void *state, uint32_t stream, const struct request *request, struct buffer *out);
  // All that was readable has been handled; replies leave next. May be NULL.
  void (*round_end)(void *state);
  // The replies have left: what nobody waits for. May be NULL.
  void (*after_replies)(void *state);
};

// Serves until SIGTERM or SIGINT. Replaces the socket file if there is one.
void rounds_serve(const char *socket_path, const struct rounds_handler *handler);
