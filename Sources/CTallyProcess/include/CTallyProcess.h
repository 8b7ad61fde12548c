// What a program needs of Linux and Swift cannot call: signals as a descriptor, the parent's pidfd,
// private directories with their locks, a child with its standard output on a pipe, sd_notify.
//
// Invariants:
// 1. Every function that can fail returns a value >= 0, or -errno.
// 2. Every descriptor made here is close-on-exec.
// 3. No link is followed into or out of a private directory.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Opens /dev/null for each of standard input, output and error that is closed, so that writing to it, or
// reading from it, still fails.
int cprocess_standard_hold(void);

// Blocks SIGTERM, SIGINT and SIGHUP in the calling thread and all that it will start, ignores SIGPIPE and
// SIGXFSZ, so that the calls fail which raise them, and gives the descriptor on which the others arrive.
int cprocess_signals_open(void);
// Ignores a signal that would end the process. 1, or 0 when it was ignored already.
int cprocess_signal_defer(int number);
// The number of the signal that arrived, or 0 when none has.
int cprocess_signals_read(int fd);
// A descriptor that becomes readable when the parent ends; -ESRCH when it has ended already.
int cprocess_parent_open(void);
// A descriptor that becomes readable once it is signalled.
int cprocess_event_open(void);
int cprocess_event_signal(int fd);
// Waits until one of the descriptors is readable or hung up. Its place, or -ETIMEDOUT.
int cprocess_wait(const int *fds, int count, int timeout_millis);
// 1 when reading has come to the end of the stream; what comes before it is thrown away. Blocks not.
int cprocess_at_end(int fd);

// Locks a directory that belongs to the caller and nobody else may enter, making it with mode 0700
// first if it is not there. Waits for the lock. Its descriptor; the lock ends when it is closed.
int cprocess_base_open(const char *path);
// Makes a new directory `path`, mode 0700, and takes the lock of the file `lock` inside it.
// The lock's descriptor.
int cprocess_private_make(const char *path);
// Removes the directories in `base` whose names begin with `prefix` and whose lock nobody holds: what
// their owners left behind. The caller holds the base's lock. How many it removed.
int cprocess_private_sweep(const char *base, const char *prefix);
// Removes the directory and all that is in it.
int cprocess_tree_remove(const char *path);
// Makes the directory and those above it that are missing, with this mode.
int cprocess_directory_make(const char *path, uint32_t mode);

// The variable of the environment at this place, as `NAME=VALUE`, or NULL after the last.
const char *cprocess_environment(size_t place);
// Starts a program with this argument list and environment (both end with NULL; NULL for the caller's
// environment). Standard output goes to `*output`, a pipe's reading end, if that is not NULL; standard
// input is `*input`, a pipe's writing end, if not NULL, else /dev/null; standard error to `*error`, a
// pipe's reading end, if not NULL. No signal is blocked in it. The child's pid.
int cprocess_spawn(const char *const *arguments, const char *const *environment, int *input, int *output,
                   int *error);
// The child's wait status when it has ended (or when `blocks`), as a shell tells it: the exit status, or
// 128 plus the signal. -EAGAIN while it runs.
int cprocess_child_status(int pid, int blocks);
int cprocess_kill(int pid, int signal);

// How many threads the process can have at once, its present ones included: so many, or fewer where a limit
// of tasks forbids it. All that are started for that have ended on return. -ENOMEM without memory.
int cprocess_threads_probe(int count);
// Processors that are online.
int cprocess_processor_count(void);
// Lets the process have as many descriptors as it may. How many that is, or -errno.
int64_t cprocess_descriptors_raise(void);
// Keeps the allocator from growing and shrinking its heap with every batch: two arenas, 1 MiB at a
// time. Before any thread starts.
void cprocess_allocator_tune(void);

// Sends one datagram to the service manager's socket; a leading '@' means the abstract namespace.
int cprocess_notify(const char *socket_path, const char *text);

ssize_t cprocess_read(int fd, void *bytes, size_t count);
int cprocess_write_all(int fd, const void *bytes, size_t count);
// Bytes that the file system behind the path has left for the caller, or -errno.
int64_t cprocess_free_bytes(const char *path);
// 1 when the path leads to a directory.
int cprocess_is_directory(const char *path);
int cprocess_file_open(const char *path);
int cprocess_close(int fd);
int cprocess_is_terminal(int fd);
// Columns of the terminal behind `fd`, or 0.
int cprocess_terminal_columns(int fd);
// Lets the terminal give each key at once and without echo, and puts it back as it was. One at a time.
int cprocess_keys_begin(int fd);
void cprocess_keys_end(int fd);
// The path of a Unix socket, without an end mark. Its length, 0 when it has none.
int cprocess_socket_path(int fd, char *path, size_t size);

// CLOCK_REALTIME in microseconds, CLOCK_MONOTONIC in nanoseconds.
int64_t cprocess_realtime_micros(void);
uint64_t cprocess_monotonic_nanoseconds(void);
// Fills the buffer from the system's random source.
int cprocess_random(void *bytes, size_t count);
void cprocess_sleep_nanoseconds(uint64_t nanoseconds);
