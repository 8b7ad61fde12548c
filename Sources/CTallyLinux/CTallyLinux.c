#include "CTallyLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

_Static_assert(CLINUX_READABLE == EPOLLIN && CLINUX_WRITABLE == EPOLLOUT, "epoll bits");
_Static_assert(CLINUX_ERROR == EPOLLERR && CLINUX_HANG_UP == EPOLLHUP, "epoll bits");
_Static_assert(CLINUX_MAX_PATH == sizeof(((struct sockaddr_un *)0)->sun_path) - 1, "path limit");

static int address_of(const char *path, struct sockaddr_un *address) {
  size_t length = strlen(path);
  if (length == 0) return -EINVAL;
  if (length > CLINUX_MAX_PATH) return -ENAMETOOLONG;
  memset(address, 0, sizeof(*address));
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path, path, length);
  return 0;
}

static int unix_socket(void) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return fd < 0 ? -errno : fd;
}

static int fail_closing(int fd, int error) {
  close(fd);
  return -error;
}

int clinux_listen_unix(const char *path, uint32_t mode, int backlog) {
  struct sockaddr_un address;
  int bad = address_of(path, &address);
  if (bad < 0) return bad;
  int fd = unix_socket();
  if (fd < 0) return fd;
  if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) return fail_closing(fd, errno);
  // Nobody can connect before listen, so the mode is in force from the first connection on.
  if (chmod(path, (mode_t)mode) < 0 || listen(fd, backlog) < 0) {
    int error = errno;
    unlink(path);
    return fail_closing(fd, error);
  }
  return fd;
}

int clinux_try_connect_unix(const char *path) {
  struct sockaddr_un address;
  int bad = address_of(path, &address);
  if (bad < 0) return bad;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) return fail_closing(fd, errno);
  return fd;
}

int clinux_connect_unix(const char *path) {
  struct sockaddr_un address;
  int bad = address_of(path, &address);
  if (bad < 0) return bad;
  // Blocking until it is connected: a non-blocking connect fails at once when the backlog is full.
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  struct timeval limit = {.tv_sec = 5};
  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
      connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
    return fail_closing(fd, errno);
  return fd;
}

int clinux_socket_pair(int *first, int *second) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) return -errno;
  *first = pair[0];
  *second = pair[1];
  return 0;
}

// Close-on-exec and non-blocking.
static int make_own(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return -errno;
  return fd;
}

int clinux_adopt_listener(int fd) {
  int listening = 0;
  socklen_t size = sizeof(listening);
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0) return -errno;
  if (!listening) return -EINVAL;
  return make_own(fd);
}

int clinux_adopt_connection(int fd) {
  struct sockaddr_un peer;
  socklen_t size = sizeof(peer);
  if (getpeername(fd, (struct sockaddr *)&peer, &size) < 0) return -errno;
  int type = 0;
  socklen_t type_size = sizeof(type);
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) < 0) return -errno;
  if (peer.sun_family != AF_UNIX || type != SOCK_STREAM) return -EINVAL;
  return make_own(fd);
}

int clinux_accept(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) return fd;
    if (errno != EINTR) return -errno;
  }
}

int clinux_free_descriptors(int any_open_descriptor) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  int lowest = fcntl(any_open_descriptor, F_DUPFD_CLOEXEC, 0);
  if (lowest < 0) return errno == EMFILE ? 0 : -errno;
  close(lowest);
  rlim_t left = limit.rlim_cur > (rlim_t)lowest ? limit.rlim_cur - (rlim_t)lowest : 0;
  return left > INT_MAX ? INT_MAX : (int)left;
}

int clinux_peer_credentials(int fd, struct clinux_credentials *out) {
  struct ucred credentials;
  socklen_t size = sizeof(credentials);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0) return -errno;
  out->pid = credentials.pid;
  out->uid = credentials.uid;
  out->gid = credentials.gid;
  return 0;
}

ssize_t clinux_send(int fd, const void *bytes, size_t count) {
  for (;;) {
    ssize_t sent = send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno != EINTR) return -errno;
  }
}

ssize_t clinux_receive(int fd, void *bytes, size_t count) {
  for (;;) {
    ssize_t received = recv(fd, bytes, count, MSG_DONTWAIT);
    if (received >= 0) return received;
    if (errno != EINTR) return -errno;
  }
}

int clinux_shutdown_write(int fd) { return shutdown(fd, SHUT_WR) < 0 ? -errno : 0; }

// After EINTR the descriptor is gone on Linux: closing it again could close somebody else's.
int clinux_close(int fd) { return close(fd) < 0 && errno != EINTR ? -errno : 0; }

int clinux_epoll_create(void) {
  int fd = epoll_create1(EPOLL_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

static int control(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
  struct epoll_event event = {.events = events, .data = {.u64 = token}};
  return epoll_ctl(epoll, operation, fd, &event) < 0 ? -errno : 0;
}

int clinux_epoll_add(int epoll, int fd, uint32_t events, uint64_t token) {
  return control(epoll, EPOLL_CTL_ADD, fd, events, token);
}

int clinux_epoll_modify(int epoll, int fd, uint32_t events, uint64_t token) {
  return control(epoll, EPOLL_CTL_MOD, fd, events, token);
}

int clinux_epoll_remove(int epoll, int fd) { return control(epoll, EPOLL_CTL_DEL, fd, 0, 0); }

int clinux_epoll_wait(int epoll, struct clinux_event *out, int capacity, int timeout_millis) {
  struct epoll_event events[128];
  int limit = capacity < 128 ? capacity : 128;
  int count = epoll_wait(epoll, events, limit, timeout_millis);
  if (count < 0) return errno == EINTR ? 0 : -errno;
  for (int i = 0; i < count; i++) {
    out[i].token = events[i].data.u64;
    out[i].events = events[i].events;
    out[i].unused = 0;
  }
  return count;
}

int clinux_event_create(void) {
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd < 0 ? -errno : fd;
}

int clinux_event_signal(int event) {
  uint64_t one = 1;
  ssize_t written = write(event, &one, sizeof(one));
  // A full counter is already signalled.
  return written < 0 && errno != EAGAIN ? -errno : 0;
}

int clinux_event_drain(int event) {
  uint64_t value;
  ssize_t got = read(event, &value, sizeof(value));
  return got < 0 && errno != EAGAIN ? -errno : 0;
}

int clinux_name_thread(const char *name) { return -pthread_setname_np(pthread_self(), name); }
