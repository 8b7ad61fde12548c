// Implements CTallyProcess.h.

#include "CTallyProcess.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int or_errno(int result) { return result < 0 ? -errno : result; }

int cprocess_standard_hold(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    // Those before it are open, so it gets this number.
    int held = open("/dev/null", (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
    if (held < 0) return -errno;
  }
  return 0;
}

int cprocess_signals_open(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR) return -errno;
  int failure = pthread_sigmask(SIG_BLOCK, &set, NULL);
  if (failure) return -failure;
  return or_errno(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int cprocess_signal_defer(int number) {
  struct sigaction before, ignored = {.sa_handler = SIG_IGN};
  if (sigaction(number, NULL, &before) < 0) return -errno;
  if (before.sa_handler == SIG_IGN) return 0;
  return sigaction(number, &ignored, NULL) < 0 ? -errno : 1;
}

int cprocess_signals_read(int fd) {
  struct signalfd_siginfo info;
  ssize_t count = read(fd, &info, sizeof info);
  return count == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

int cprocess_parent_open(void) {
  pid_t parent = getppid();
  int fd = (int)syscall(SYS_pidfd_open, parent, 0);
  if (fd < 0) return -errno;
  // A parent that ended in between has handed this process on, and its pid may be somebody else's.
  if (getppid() != parent) {
    close(fd);
    return -ESRCH;
  }
  return fd;
}

int cprocess_event_open(void) { return or_errno(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

int cprocess_event_signal(int fd) { return or_errno(eventfd_write(fd, 1)); }

int cprocess_wait(const int *fds, int count, int timeout_millis) {
  struct pollfd polls[16];
  if (count > 16) return -EINVAL;
  for (int i = 0; i < count; i++) polls[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
  int ready;
  do {
    ready = poll(polls, (nfds_t)count, timeout_millis);
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) return -errno;
  for (int i = 0; i < count; i++) {
    if (polls[i].revents) return i;
  }
  return -ETIMEDOUT;
}

int cprocess_at_end(int fd) {
  char sink[512];
  struct pollfd one = {.fd = fd, .events = POLLIN};
  while (poll(&one, 1, 0) == 1) {
    ssize_t count = read(fd, sink, sizeof sink);
    if (count == 0) return 1;
    if (count < 0) return errno == EINTR || errno == EAGAIN ? 0 : 1;
  }
  return 0;
}

int cprocess_base_open(const char *path) {
  for (int attempt = 0; attempt < 100; attempt++) {
    if (mkdir(path, 0700) < 0 && errno != EEXIST) return -errno;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
      if (errno == ENOENT) continue;
      return -errno;
    }
    struct stat mine, there;
    if (fstat(fd, &mine) < 0 || mine.st_uid != geteuid() || (mine.st_mode & 077) != 0) {
      close(fd);
      return -EPERM;
    }
    int locked;
    do {
      locked = flock(fd, LOCK_EX);
    } while (locked < 0 && errno == EINTR);
    if (locked < 0) {
      int failure = errno;
      close(fd);
      return -failure;
    }
    // Whoever had the lock may have removed the directory: then the next one counts.
    if (lstat(path, &there) == 0 && there.st_ino == mine.st_ino && there.st_dev == mine.st_dev) return fd;
    close(fd);
  }
  return -EBUSY;
}

static int lock_inside(const char *path, int flags) {
  char name[PATH_MAX];
  if (snprintf(name, sizeof name, "%s/lock", path) >= (int)sizeof name) return -ENAMETOOLONG;
  int fd = open(name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
  if (fd < 0) return -errno;
  if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
    int failure = errno;
    close(fd);
    return -failure;
  }
  return fd;
}

int cprocess_private_make(const char *path) {
  if (mkdir(path, 0700) < 0) return -errno;
  return lock_inside(path, O_CREAT | O_EXCL);
}

static int cprocess_private_claim(const char *path) { return lock_inside(path, 0); }

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place) {
  (void)status;
  (void)place;
  int result = type == FTW_DP ? rmdir(path) : unlink(path);
  return result < 0 && errno != ENOENT ? -1 : 0;
}

int cprocess_tree_remove(const char *path) {
  return or_errno(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT));
}

int cprocess_private_sweep(const char *base, const char *prefix) {
  DIR *directory = opendir(base);
  if (!directory) return -errno;
  int removed = 0;
  for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
    char path[PATH_MAX];
    if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0) continue;
    if (snprintf(path, sizeof path, "%s/%s", base, entry->d_name) >= (int)sizeof path) continue;
    int lock = cprocess_private_claim(path);
    if (lock < 0 && lock != -ENOENT) continue;
    if (cprocess_tree_remove(path) == 0) removed++;
    if (lock >= 0) close(lock);
  }
  closedir(directory);
  return removed;
}

// Puts the name of a directory that was just made on the disk. A file system that cannot sync directories
// says EINVAL.
static int sync_above(const char *path) {
  char above[PATH_MAX];
  const char *slash = strrchr(path, '/');
  size_t length = slash == path ? 1 : slash ? (size_t)(slash - path) : 1;
  memcpy(above, slash ? path : ".", length);
  above[length] = 0;
  int descriptor = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return -errno;
  int code;
  do code = fsync(descriptor);
  while (code < 0 && errno == EINTR);
  int error = errno;
  close(descriptor);
  return code < 0 && error != EINVAL ? -error : 0;
}

// Makes one, unless it is there. One whose name cannot be put on the disk is removed again.
static int make_directory(const char *path, uint32_t mode) {
  int code;
  do code = mkdir(path, mode);
  while (code < 0 && errno == EINTR);
  if (code < 0) return errno == EEXIST ? 0 : -errno;
  int failure = sync_above(path);
  if (failure < 0) rmdir(path);
  return failure;
}

int cprocess_directory_make(const char *path, uint32_t mode) {
  char name[PATH_MAX];
  size_t length = strlen(path);
  if (length >= sizeof name) return -ENAMETOOLONG;
  memcpy(name, path, length + 1);
  for (size_t i = 1; i <= length; i++) {
    if (name[i] != '/' && name[i] != 0) continue;
    char kept = name[i];
    name[i] = 0;
    int failure = make_directory(name, mode);
    if (failure < 0) return failure;
    name[i] = kept;
  }
  struct stat status;
  if (stat(path, &status) < 0) return -errno;
  return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
}

const char *cprocess_environment(size_t place) {
  for (size_t i = 0; i <= place; i++) {
    if (!environ || !environ[i]) return NULL;
  }
  return environ[place];
}

// Makes a pipe whose child's end is put in place of `target`; the parent's end goes to `*end`.
static int join_pipe(posix_spawn_file_actions_t *actions, int target, int *end, int *childs) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return errno;
  int reads = target == 0;
  *childs = reads ? ends[0] : ends[1];
  *end = reads ? ends[1] : ends[0];
  return posix_spawn_file_actions_adddup2(actions, *childs, target);
}

int cprocess_spawn(const char *const *arguments, const char *const *environment, int *input, int *output,
                   int *error) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, defaults;
  int *ends[3] = {input, output, error};
  int childs[3] = {-1, -1, -1};
  pid_t pid = -1;
  int failure = posix_spawn_file_actions_init(&actions);
  if (failure) return -failure;
  failure = posix_spawnattr_init(&attributes);
  if (failure) {
    posix_spawn_file_actions_destroy(&actions);
    return -failure;
  }
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  sigaddset(&defaults, SIGXFSZ);
  // A shell has what it runs in the background ignore these two; a child would inherit that.
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGQUIT);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  for (int target = 0; target < 3 && !failure; target++) {
    if (ends[target]) {
      failure = join_pipe(&actions, target, ends[target], &childs[target]);
    } else if (target == 0) {
      failure = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    }
  }
  if (!failure) {
    char *const *variables = environment ? (char *const *)(uintptr_t)environment : environ;
    failure = posix_spawnp(&pid, arguments[0], &actions, &attributes, (char *const *)(uintptr_t)arguments,
                           variables);
  }
  for (int target = 0; target < 3; target++) {
    if (childs[target] < 0) continue;
    close(childs[target]);
    if (failure) close(*ends[target]);
  }
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failure ? -failure : pid;
}

int cprocess_child_status(int pid, int blocks) {
  int status;
  pid_t ended;
  do {
    ended = waitpid(pid, &status, blocks ? 0 : WNOHANG);
  } while (ended < 0 && errno == EINTR);
  if (ended < 0) return -errno;
  if (ended == 0) return -EAGAIN;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int cprocess_kill(int pid, int signal) { return or_errno(kill(pid, signal)); }

int cprocess_notify(const char *socket_path, const char *text) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(socket_path);
  if (length == 0 || length >= sizeof address.sun_path) return -EINVAL;
  memcpy(address.sun_path, socket_path, length);
  if (address.sun_path[0] == '@') address.sun_path[0] = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  ssize_t sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address, size);
  int result = sent < 0 ? -errno : 0;
  close(fd);
  return result;
}

ssize_t cprocess_read(int fd, void *bytes, size_t count) {
  ssize_t got;
  do {
    got = read(fd, bytes, count);
  } while (got < 0 && errno == EINTR);
  return got < 0 ? -errno : got;
}

int cprocess_write_all(int fd, const void *bytes, size_t count) {
  const char *rest = bytes;
  while (count > 0) {
    ssize_t written = write(fd, rest, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {
      struct pollfd one = {.fd = fd, .events = POLLOUT};
      if (poll(&one, 1, -1) < 0 && errno != EINTR) return -errno;
      continue;
    }
    if (written < 0) return -errno;
    rest += written;
    count -= (size_t)written;
  }
  return 0;
}

int64_t cprocess_free_bytes(const char *path) {
  struct statvfs status;
  if (access(path, W_OK) < 0 || statvfs(path, &status) < 0) return -errno;
  return (int64_t)status.f_bavail * (int64_t)status.f_frsize;
}

int cprocess_is_directory(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

int cprocess_file_open(const char *path) { return or_errno(open(path, O_RDONLY | O_CLOEXEC)); }

int cprocess_close(int fd) { return or_errno(close(fd)); }

int cprocess_is_terminal(int fd) { return isatty(fd); }

int cprocess_terminal_columns(int fd) {
  struct winsize size;
  return ioctl(fd, TIOCGWINSZ, &size) < 0 ? 0 : size.ws_col;
}

static struct termios kept_terminal;
static volatile sig_atomic_t keys_are_on;

int cprocess_keys_begin(int fd) {
  if (tcgetattr(fd, &kept_terminal) < 0) return -errno;
  struct termios keys = kept_terminal;
  keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
  keys_are_on = 1;
  return or_errno(tcsetattr(fd, TCSANOW, &keys));
}

void cprocess_keys_end(int fd) {
  if (keys_are_on) tcsetattr(fd, TCSANOW, &kept_terminal);
  keys_are_on = 0;
}

int cprocess_socket_path(int fd, char *path, size_t size) {
  struct sockaddr_un address;
  socklen_t length = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) return -errno;
  if (address.sun_family != AF_UNIX || length <= offsetof(struct sockaddr_un, sun_path)) return 0;
  size_t count = strnlen(address.sun_path, length - offsetof(struct sockaddr_un, sun_path));
  if (count > size) return -ENAMETOOLONG;
  memcpy(path, address.sun_path, count);
  return (int)count;
}

int64_t cprocess_realtime_micros(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

uint64_t cprocess_monotonic_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

int cprocess_random(void *bytes, size_t count) {
  char *rest = bytes;
  while (count > 0) {
    ssize_t got = getrandom(rest, count, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    rest += got;
    count -= (size_t)got;
  }
  return 0;
}

void cprocess_sleep_nanoseconds(uint64_t nanoseconds) {
  struct timespec left = {.tv_sec = (time_t)(nanoseconds / 1000000000U),
                          .tv_nsec = (long)(nanoseconds % 1000000000U)};
  while (nanosleep(&left, &left) < 0 && errno == EINTR) {
  }
}

// Every thread has a directory there.
static int thread_count(void) {
  struct stat facts;
  return stat("/proc/self/task", &facts) == 0 ? (int)facts.st_nlink - 2 : 1;
}

static void *pass_gate(void *gate) {
  pthread_mutex_lock(gate);
  pthread_mutex_unlock(gate);
  return NULL;
}

int cprocess_threads_probe(int count) {
  enum { LOOKS_LIMIT = 1000 };
  int before = thread_count();
  pthread_t *threads = calloc((size_t)count, sizeof *threads);
  if (threads == NULL) return -ENOMEM;
  pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&gate);
  int started = 0;
  while (before + started < count && pthread_create(&threads[started], NULL, pass_gate, &gate) == 0)
    started++;
  pthread_mutex_unlock(&gate);
  for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
  free(threads);
  // A thread counts for a moment longer than anybody waits for it.
  for (int look = 0; look < LOOKS_LIMIT && thread_count() > before; look++) sched_yield();
  return before + started;
}

int cprocess_processor_count(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }

int64_t cprocess_descriptors_raise(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  return limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
}

void cprocess_allocator_tune(void) {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
  mallopt(M_TOP_PAD, 1 << 20);
}
