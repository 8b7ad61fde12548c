// What Swift on Linux cannot call directly: accept4, peer credentials, Unix socket addresses, epoll.
//
// Invariants:
// 1. Every function returns a value >= 0, or -errno. errno itself is never part of the contract.
// 2. Nothing here blocks, but for clinux_epoll_wait and clinux_connect_unix; EINTR is retried where that is
// right.
// 3. Every descriptor made here is close-on-exec, and every socket non-blocking.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
  CLINUX_READABLE = 0x001,
  CLINUX_WRITABLE = 0x004,
  CLINUX_ERROR = 0x008,
  CLINUX_HANG_UP = 0x010,
  CLINUX_MAX_PATH = 107,
};

struct clinux_event {
  uint64_t token;
  uint32_t events;
  uint32_t unused;
};

struct clinux_credentials {
  int32_t pid;
  uint32_t uid;
  uint32_t gid;
};

// A listening socket bound to `path`, its file mode set before it listens. At most CLINUX_MAX_PATH bytes.
int clinux_listen_unix(const char *path, uint32_t mode, int backlog);
// A socket connected to `path`. Waits up to five seconds while the listener's backlog is full, then
// -EAGAIN.
int clinux_connect_unix(const char *path);
// The same, but -EAGAIN at once while the backlog is full.
int clinux_try_connect_unix(const char *path);
// Both ends of a connected pair of stream sockets.
int clinux_socket_pair(int *first, int *second);
// Makes an inherited descriptor close-on-exec and non-blocking; -ENOTSOCK, -EINVAL when it does not listen.
int clinux_adopt_listener(int fd);
// Makes a connected Unix stream socket close-on-exec and non-blocking; -ENOTSOCK, -EINVAL when it is none.
int clinux_adopt_connection(int fd);
int clinux_accept(int listener);
// How many descriptors the process can still open, counted from the lowest free one; 0 when none.
int clinux_free_descriptors(int any_open_descriptor);
int clinux_peer_credentials(int fd, struct clinux_credentials *out);
// SOCK_STREAM send that never blocks and never raises SIGPIPE.
ssize_t clinux_send(int fd, const void *bytes, size_t count);
ssize_t clinux_receive(int fd, void *bytes, size_t count);
int clinux_shutdown_write(int fd);
int clinux_close(int fd);

int clinux_epoll_create(void);
int clinux_epoll_add(int epoll, int fd, uint32_t events, uint64_t token);
int clinux_epoll_modify(int epoll, int fd, uint32_t events, uint64_t token);
int clinux_epoll_remove(int epoll, int fd);
// timeout_millis < 0 waits for ever. An interrupted wait reports no events.
int clinux_epoll_wait(int epoll, struct clinux_event *out, int capacity, int timeout_millis);

int clinux_event_create(void);
int clinux_event_signal(int event);
int clinux_event_drain(int event);

// Names the calling thread; more than 15 bytes are refused with -ERANGE.
int clinux_name_thread(const char *name);
