// Takes the place of the system's calls in the test program, for SQLite too: the program's own symbols come
// before the C library's. Calls on files under no watched directory are passed on as they are.
//
// Invariants:
// 1. A call that changes a watched file, or reads from a place of it, is carried out under the mutex of the
//    disks, so that its place among the others is known.
// 2. A call that is to fail is not carried out; one that is to be short is, for half of its bytes, at
//    least one.
// 3. A lock waits for nobody: only calls that return at once are watched.
//
// Owner: the threads that call.

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "Disk.h"

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

// A call on a watched file, from `begin` to `faulty_disk_leave`.
typedef struct {
  faulty_disk *disk;
  const char *rest;
  char path[PATH_MAX + NAME_MAX + 2];
} watched;

// Takes the mutex if the file is watched.
static int begin(watched *call, int descriptor) {
  if (atomic_load(&faulty_disk_count) == 0 || faulty_disk_is_inside) return 0;
  int error = errno;
  faulty_disk_enter();
  call->disk = faulty_disk_of(descriptor, call->path, &call->rest);
  errno = error;
  if (call->disk == NULL) faulty_disk_leave();
  return call->disk != NULL;
}

static int begin_at(watched *call, int directory, const char *name) {
  if (atomic_load(&faulty_disk_count) == 0 || faulty_disk_is_inside) return 0;
  int error = errno;
  ssize_t length = 0;
  if (name[0] != '/') {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    length = directory == AT_FDCWD ? -1 : readlink(link, call->path, PATH_MAX);
    if (length > 0) call->path[length++] = '/';
  }
  errno = error;
  if (length < 0 || strlen(name) > NAME_MAX + PATH_MAX - (size_t)length) return 0;
  if (strcmp(name, ".") == 0)
    call->path[length - 1] = 0;
  else
    strcpy(call->path + length, name);
  faulty_disk_enter();
  call->disk = faulty_disk_at_path(call->path, &call->rest);
  if (call->disk == NULL) faulty_disk_leave();
  return call->disk != NULL;
}

static int is_failing(watched *call, int kind) {
  int fails = faulty_disk_call(call->disk, kind) == CALL_FAILS;
  faulty_disk_leave();
  return fails;
}

// Whether a call fails that changes nothing.
static int fails(int descriptor, int kind) {
  watched call;
  return begin(&call, descriptor) && is_failing(&call, kind);
}

// MARK: reading and writing

static ssize_t read_with(ssize_t (*real)(int, void *, size_t, off64_t), int descriptor, void *bytes,
                         size_t count, off64_t offset) {
  watched call;
  if (!begin(&call, descriptor)) return real(descriptor, bytes, count, offset);
  int due = faulty_disk_call(call.disk, FAULTY_DISK_CALL_READ);
  if (due == CALL_IS_SHORT) count -= count / 2;
  ssize_t done = due == CALL_FAILS ? -1 : real(descriptor, bytes, count, offset);
  faulty_disk_leave();
  return done;
}

ssize_t pread(int descriptor, void *bytes, size_t count, off_t offset) {
  return read_with(REAL(pread64), descriptor, bytes, count, offset);
}

ssize_t pread64(int descriptor, void *bytes, size_t count, off64_t offset) {
  return read_with(REAL(pread64), descriptor, bytes, count, offset);
}

ssize_t read(int descriptor, void *bytes, size_t count) {
  return fails(descriptor, FAULTY_DISK_CALL_READ) ? -1 : REAL(read)(descriptor, bytes, count);
}

static ssize_t write_with(ssize_t (*real)(int, const void *, size_t, off64_t), int descriptor,
                          const void *bytes, size_t count, off64_t offset) {
  watched call;
  if (!begin(&call, descriptor)) return real(descriptor, bytes, count, offset);
  int due = faulty_disk_call(call.disk, FAULTY_DISK_CALL_WRITE);
  if (due == CALL_IS_SHORT) count -= count / 2;
  ssize_t done = due == CALL_FAILS ? -1 : real(descriptor, bytes, count, offset);
  if (done > 0) {
    faulty_disk_note_write(call.disk, call.rest, offset, done);
    recording_write(call.disk->recording, call.rest, bytes, done, offset);
  }
  faulty_disk_leave();
  return done;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  return write_with(REAL(pwrite64), descriptor, bytes, count, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
  return write_with(REAL(pwrite64), descriptor, bytes, count, offset);
}

static int truncate_with(int (*real)(int, off64_t), int descriptor, off64_t size) {
  watched call;
  if (!begin(&call, descriptor)) return real(descriptor, size);
  // A size has no half.
  int code =
      faulty_disk_call(call.disk, FAULTY_DISK_CALL_TRUNCATE) == CALL_FAILS ? -1 : real(descriptor, size);
  if (code == 0) recording_size(call.disk->recording, call.rest, size);
  faulty_disk_leave();
  return code;
}

int ftruncate(int descriptor, off_t size) { return truncate_with(REAL(ftruncate64), descriptor, size); }
int ftruncate64(int descriptor, off64_t size) { return truncate_with(REAL(ftruncate64), descriptor, size); }

static void look_at_log_sync(watched *call) {
  faulty_disk *disk = call->disk;
  if (disk->at_log_sync == NULL || strcmp(call->rest, "/tally.db-wal") != 0) return;
  void (*look)(void *) = disk->at_log_sync;
  disk->at_log_sync = NULL;
  // It may come here itself.
  faulty_disk_leave();
  look(disk->context);
  faulty_disk_enter();
}

static int sync_with(int (*real)(int), int descriptor) {
  watched call;
  if (!begin(&call, descriptor)) return real(descriptor);
  look_at_log_sync(&call);
  int fails = faulty_disk_call(call.disk, FAULTY_DISK_CALL_SYNC) == CALL_FAILS;
  int has_failed = faulty_disk_note_sync(call.disk, call.rest, descriptor, fails);
  // A signal has interrupted nothing yet.
  if (!has_failed || errno != EINTR) recording_sync(call.disk->recording, call.rest, has_failed);
  faulty_disk_leave();
  // What a watched disk holds is known here; the real one need not be waited for.
  return has_failed ? -1 : 0;
}

int fsync(int descriptor) { return sync_with(REAL(fsync), descriptor); }
int fdatasync(int descriptor) { return sync_with(REAL(fdatasync), descriptor); }

// MARK: names

static int open_at(int directory, const char *name, int flags, mode_t mode) {
  watched call;
  if (!begin_at(&call, directory, name)) return REAL(openat64)(directory, name, flags, mode);
  int is_there = (flags & (O_CREAT | O_TRUNC)) == 0 || access(call.path, F_OK) == 0;
  int descriptor = -1;
  if (faulty_disk_call(call.disk, FAULTY_DISK_CALL_OPEN) != CALL_FAILS)
    descriptor = REAL(openat64)(directory, name, flags, mode);
  if (descriptor >= 0 && !is_there) recording_name(call.disk->recording, FAULTY_DISK_CREATE, call.rest, "");
  if (descriptor >= 0 && is_there && (flags & O_TRUNC)) recording_size(call.disk->recording, call.rest, 0);
  faulty_disk_leave();
  return descriptor;
}

#define MODE_OF(flags)                 \
  mode_t mode = 0;                     \
  if (flags & (O_CREAT | O_TMPFILE)) { \
    va_list list;                      \
    va_start(list, flags);             \
    mode = (mode_t)va_arg(list, int);  \
    va_end(list);                      \
  }

int open(const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *name, int flags, ...) {
  MODE_OF(flags)
  return open_at(directory, name, flags, mode);
}

int openat64(int directory, const char *name, int flags, ...) {
  MODE_OF(flags)
  return open_at(directory, name, flags, mode);
}

int unlinkat(int directory, const char *name, int flags) {
  watched call;
  if (!begin_at(&call, directory, name)) return REAL(unlinkat)(directory, name, flags);
  int code = -1;
  if (faulty_disk_call(call.disk, FAULTY_DISK_CALL_UNLINK) != CALL_FAILS)
    code = REAL(unlinkat)(directory, name, flags);
  if (code == 0) {
    faulty_disk_note_unlink(call.disk, call.rest);
    recording_name(call.disk->recording, FAULTY_DISK_REMOVE, call.rest, "");
  }
  faulty_disk_leave();
  return code;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int rename(const char *path, const char *new_path) {
  watched call;
  if (!begin_at(&call, AT_FDCWD, path)) return REAL(rename)(path, new_path);
  const char *new_rest = "";
  int stays = faulty_disk_at_path(new_path, &new_rest) == call.disk;
  int code = -1;
  if (faulty_disk_call(call.disk, FAULTY_DISK_CALL_RENAME) != CALL_FAILS) code = REAL(rename)(path, new_path);
  if (code == 0)
    recording_name(call.disk->recording, stays ? FAULTY_DISK_RENAME : FAULTY_DISK_REMOVE, call.rest,
                   new_rest);
  faulty_disk_leave();
  return code;
}

// MARK: looking

static int look_fails(int directory, const char *name) {
  watched call;
  return begin_at(&call, directory, name) && is_failing(&call, FAULTY_DISK_CALL_LOOK);
}

int fstat(int descriptor, struct stat *facts) {
  return fails(descriptor, FAULTY_DISK_CALL_LOOK) ? -1 : REAL(fstat)(descriptor, facts);
}

int fstat64(int descriptor, struct stat64 *facts) {
  return fails(descriptor, FAULTY_DISK_CALL_LOOK) ? -1 : REAL(fstat64)(descriptor, facts);
}

int stat(const char *path, struct stat *facts) {
  return look_fails(AT_FDCWD, path) ? -1 : REAL(stat)(path, facts);
}

int stat64(const char *path, struct stat64 *facts) {
  return look_fails(AT_FDCWD, path) ? -1 : REAL(stat64)(path, facts);
}

int lstat(const char *path, struct stat *facts) {
  return look_fails(AT_FDCWD, path) ? -1 : REAL(lstat)(path, facts);
}

int lstat64(const char *path, struct stat64 *facts) {
  return look_fails(AT_FDCWD, path) ? -1 : REAL(lstat64)(path, facts);
}

int fstatat(int directory, const char *name, struct stat *facts, int flags) {
  return look_fails(directory, name) ? -1 : REAL(fstatat)(directory, name, facts, flags);
}

int access(const char *path, int mode) { return look_fails(AT_FDCWD, path) ? -1 : REAL(access)(path, mode); }

void *mmap64(void *place, size_t count, int protection, int flags, int descriptor, off64_t offset) {
  if (!(flags & MAP_ANONYMOUS) && fails(descriptor, FAULTY_DISK_CALL_MAP)) return MAP_FAILED;
  return REAL(mmap64)(place, count, protection, flags, descriptor, offset);
}

void *mmap(void *place, size_t count, int protection, int flags, int descriptor, off_t offset) {
  return mmap64(place, count, protection, flags, descriptor, offset);
}

struct dirent *readdir(DIR *stream) {
  return fails(dirfd(stream), FAULTY_DISK_CALL_LIST) ? NULL : REAL(readdir)(stream);
}

struct dirent64 *readdir64(DIR *stream) {
  return fails(dirfd(stream), FAULTY_DISK_CALL_LIST) ? NULL : REAL(readdir64)(stream);
}

// MARK: locks

static int lock_fails(const watched *call, const struct flock *lock) {
  if (lock->l_type != F_UNLCK) return faulty_disk_call(call->disk, FAULTY_DISK_CALL_LOCK) == CALL_FAILS;
  int is_of_memory = strcmp(call->rest, "/tally.db-shm") == 0;
  if (is_of_memory && faulty_disk_is_due(call->disk, FAULTY_DISK_UNLOCK)) return 1;
  return faulty_disk_call(call->disk, FAULTY_DISK_CALL_UNLOCK) == CALL_FAILS;
}

static int lock_with(int descriptor, int command, struct flock *lock) {
  watched call;
  if (!begin(&call, descriptor)) return REAL(fcntl64)(descriptor, command, lock);
  int code = lock_fails(&call, lock) ? -1 : REAL(fcntl64)(descriptor, command, lock);
  faulty_disk_leave();
  return code;
}

int fcntl64(int descriptor, int command, ...) {
  va_list list;
  va_start(list, command);
  void *argument = va_arg(list, void *);
  va_end(list);
  if ((command == F_SETLK || command == F_GETLK) && argument != NULL)
    return lock_with(descriptor, command, argument);
  return REAL(fcntl64)(descriptor, command, argument);
}

int flock(int descriptor, int operation) {
  watched call;
  if ((operation & LOCK_UN) || !(operation & LOCK_NB) || !begin(&call, descriptor))
    return REAL(flock)(descriptor, operation);
  int fails = faulty_disk_call(call.disk, FAULTY_DISK_CALL_LOCK) == CALL_FAILS;
  int code = fails ? -1 : REAL(flock)(descriptor, operation);
  faulty_disk_leave();
  return code;
}
