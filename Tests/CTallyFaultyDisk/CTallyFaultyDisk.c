// A disk that fails when it is told to, in the way of Linux.
//
// A sync that fails leaves what was to be written in the page cache, calls it clean, and says so once: the
// next sync does not write it and succeeds. What a directory lost the name of is found until the power goes.
//
// This takes the place of the system's calls in the test program, for SQLite too: the program's own symbols
// come before the C library's. Files under no watched directory are passed on as they are.
//
// Invariants:
// 1. A page of a file is dirty from a write to the next sync; one that succeeds copies it to the disk's
// image,
//    one that fails forgets it.
// 2. A name is on the disk after a sync of the directory that succeeds; one that was lost in a failed sync
//    comes there only when it is made anew. Likewise with a name that was removed: it comes back with the
//    power.
//
// Owner: the tests that opened a disk; the calls come from any thread, under one mutex.

#include "CTallyFaultyDisk.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_BYTES 4096
// A test's files are smaller; what lies behind is not kept.
#define MAXIMUM_PAGES 16384
#define MAXIMUM_BYTES ((off_t)MAXIMUM_PAGES * PAGE_BYTES)
#define MAXIMUM_CUT_PATH 256

enum { DATABASE, LOG, JOURNAL, FILE_COUNT };
static const char *const names[FILE_COUNT] = {"/tally.db", "/tally.db-wal", "/tally.db-journal"};

typedef struct {
  unsigned char *image;
  off_t size;
  unsigned char *dirty;
  int is_named;
  int is_name_lost;
  int is_removal_lost;
} disk_file;

typedef struct {
  int skip, count, error;
} fault;

struct faulty_disk {
  struct faulty_disk *next;
  char root[PATH_MAX];
  disk_file files[FILE_COUNT];
  fault faults[FAULTY_DISK_FAULT_COUNT];
  int failures;
  int cut_skip, cut_divisor, cut_remainder, has_cut;
  void (*at_log_sync)(void *);
  void *context;
  char cut_path[MAXIMUM_CUT_PATH];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_int disk_count;
static faulty_disk *disks;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

// The disk that a path is under, with the rest of the path.
static faulty_disk *find_path(const char *path, const char **rest) {
  for (faulty_disk *disk = disks; disk; disk = disk->next) {
    size_t length = strlen(disk->root);
    if (strncmp(path, disk->root, length) != 0 || (path[length] != '/' && path[length] != 0)) continue;
    *rest = path + length;
    return disk;
  }
  return NULL;
}

static faulty_disk *find(int descriptor, char *path, const char **rest) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return NULL;
  path[length] = 0;
  return find_path(path, rest);
}

static disk_file *file_named(faulty_disk *disk, const char *rest) {
  for (int i = 0; i < FILE_COUNT; i++)
    if (strcmp(rest, names[i]) == 0) return &disk->files[i];
  return NULL;
}

static int is_due(faulty_disk *disk, int kind) {
  fault *due = &disk->faults[kind];
  if (due->count == 0) return 0;
  if (due->skip > 0) {
    due->skip--;
    return 0;
  }
  due->count--;
  disk->failures++;
  errno = due->error;
  return 1;
}

static void copy_page(unsigned char *image, int descriptor, int page) {
  off_t start = (off_t)page * PAGE_BYTES;
  memset(image + start, 0, PAGE_BYTES);
  // A file that has become shorter leaves zeros.
  if (pread(descriptor, image + start, PAGE_BYTES, start) < 0) memset(image + start, 0xff, PAGE_BYTES);
}

static off_t size_of(int descriptor) {
  struct stat facts;
  if (fstat(descriptor, &facts) != 0) return 0;
  return facts.st_size < MAXIMUM_BYTES ? facts.st_size : MAXIMUM_BYTES;
}

static void write_out(disk_file *file, int descriptor) {
  for (int page = 0; page < MAXIMUM_PAGES; page++)
    if (file->dirty[page]) copy_page(file->image, descriptor, page);
  memset(file->dirty, 0, MAXIMUM_PAGES);
  file->size = size_of(descriptor);
}

static int put(const char *path, const unsigned char *bytes, off_t count) {
  int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) return -1;
  ssize_t done = count == 0 ? 0 : REAL(pwrite)(descriptor, bytes, (size_t)count, 0);
  close(descriptor);
  return done == count ? 0 : -1;
}

static int cut(faulty_disk *disk, const char *into, int divisor, int remainder) {
  for (int i = 0; i < FILE_COUNT; i++) {
    disk_file *file = &disk->files[i];
    if (!file->is_named) continue;
    char path[PATH_MAX + MAXIMUM_CUT_PATH];
    snprintf(path, sizeof path, "%s%s", disk->root, names[i]);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    unsigned char *image = malloc(MAXIMUM_BYTES);
    if (image == NULL) return -1;
    memcpy(image, file->image, (size_t)file->size);
    off_t size = file->size;
    for (int page = 0; descriptor >= 0 && divisor > 0 && page < MAXIMUM_PAGES; page++) {
      if (!file->dirty[page] || page % divisor != remainder) continue;
      off_t end = (off_t)(page + 1) * PAGE_BYTES;
      if (end > size) memset(image + size, 0, (size_t)(end - size));
      copy_page(image, descriptor, page);
      off_t most = size_of(descriptor);
      if (end > size) size = end < most ? end : most;
    }
    if (descriptor >= 0) close(descriptor);
    snprintf(path, sizeof path, "%s%s", into, names[i]);
    int code = put(path, image, size);
    free(image);
    if (code != 0) return -1;
  }
  return 0;
}

// What a sync of a watched file or directory does instead. Returns 1 when it has failed.
static int watch_sync(faulty_disk *disk, const char *rest, int descriptor) {
  if (*rest == 0) {
    int has_failed = is_due(disk, FAULTY_DISK_DIRECTORY_SYNC);
    if (has_failed && errno == EINTR) return 1;
    for (int i = 0; i < FILE_COUNT; i++) {
      disk_file *file = &disk->files[i];
      char path[PATH_MAX + 32];
      snprintf(path, sizeof path, "%s%s", disk->root, names[i]);
      int error = errno;
      int is_there = access(path, F_OK) == 0;
      errno = error;
      if (is_there) file->is_removal_lost = 0;
      if (has_failed && is_there && !file->is_named) file->is_name_lost = 1;
      if (has_failed && !is_there && file->is_named) file->is_removal_lost = 1;
      if (!has_failed) file->is_named = is_there ? !file->is_name_lost : file->is_removal_lost;
    }
    return has_failed;
  }
  disk_file *file = file_named(disk, rest);
  if (file == NULL) return 0;
  if (file == &disk->files[DATABASE] && disk->cut_skip >= 0 && disk->cut_skip-- == 0)
    disk->has_cut = cut(disk, disk->cut_path, disk->cut_divisor, disk->cut_remainder) == 0;
  if (file == &disk->files[JOURNAL]) {
    write_out(file, descriptor);
    return 0;
  }
  int kind = file == &disk->files[LOG] ? FAULTY_DISK_LOG_SYNC : FAULTY_DISK_DATABASE_SYNC;
  if (!is_due(disk, kind)) {
    write_out(file, descriptor);
    return 0;
  }
  if (errno != EINTR) memset(file->dirty, 0, MAXIMUM_PAGES);
  return 1;
}

static int sync_with(int (*real)(int), int descriptor) {
  if (atomic_load(&disk_count) == 0) return real(descriptor);
  char path[PATH_MAX];
  const char *rest;
  pthread_mutex_lock(&mutex);
  faulty_disk *disk = find(descriptor, path, &rest);
  if (disk && disk->at_log_sync && file_named(disk, rest) == &disk->files[LOG]) {
    void (*call)(void *) = disk->at_log_sync;
    disk->at_log_sync = NULL;
    // It may come here itself.
    pthread_mutex_unlock(&mutex);
    call(disk->context);
    pthread_mutex_lock(&mutex);
  }
  int has_failed = disk && watch_sync(disk, rest, descriptor);
  int error = errno;
  pthread_mutex_unlock(&mutex);
  errno = error;
  if (has_failed) return -1;
  // What a watched disk holds is known here; the real one need not be waited for.
  return disk ? 0 : real(descriptor);
}

int fsync(int descriptor) { return sync_with(REAL(fsync), descriptor); }
int fdatasync(int descriptor) { return sync_with(REAL(fdatasync), descriptor); }

static void note_write(int descriptor, ssize_t count, off_t offset) {
  if (count <= 0 || atomic_load(&disk_count) == 0) return;
  char path[PATH_MAX];
  const char *rest;
  int error = errno;
  pthread_mutex_lock(&mutex);
  faulty_disk *disk = find(descriptor, path, &rest);
  disk_file *file = disk ? file_named(disk, rest) : NULL;
  for (off_t page = offset / PAGE_BYTES; file && page * PAGE_BYTES < offset + count; page++)
    if (page < MAXIMUM_PAGES) file->dirty[page] = 1;
  pthread_mutex_unlock(&mutex);
  errno = error;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  ssize_t done = REAL(pwrite)(descriptor, bytes, count, offset);
  note_write(descriptor, done, offset);
  return done;
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
  ssize_t done = REAL(pwrite64)(descriptor, bytes, count, offset);
  note_write(descriptor, done, offset);
  return done;
}

static void note_unlink(const char *path) {
  if (atomic_load(&disk_count) == 0) return;
  const char *rest;
  pthread_mutex_lock(&mutex);
  faulty_disk *disk = find_path(path, &rest);
  disk_file *file = disk ? file_named(disk, rest) : NULL;
  if (file) file->is_name_lost = 0;
  pthread_mutex_unlock(&mutex);
}

int unlink(const char *path) {
  int code = REAL(unlink)(path);
  if (code == 0) note_unlink(path);
  return code;
}

int unlinkat(int directory, const char *name, int flags) {
  int code = REAL(unlinkat)(directory, name, flags);
  char link[64], path[PATH_MAX + 256], folder[PATH_MAX];
  if (code != 0 || atomic_load(&disk_count) == 0) return code;
  snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
  ssize_t length = readlink(link, folder, sizeof folder - 1);
  if (length < 0) return code;
  folder[length] = 0;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  note_unlink(path);
  return code;
}

int fcntl64(int descriptor, int command, ...) {
  va_list list;
  va_start(list, command);
  void *argument = va_arg(list, void *);
  va_end(list);
  if (command == F_SETLK && atomic_load(&disk_count) > 0 && ((struct flock *)argument)->l_type == F_UNLCK) {
    char path[PATH_MAX];
    const char *rest;
    pthread_mutex_lock(&mutex);
    faulty_disk *disk = find(descriptor, path, &rest);
    int fails = disk && strcmp(rest, "/tally.db-shm") == 0 && is_due(disk, FAULTY_DISK_UNLOCK);
    int error = errno;
    pthread_mutex_unlock(&mutex);
    errno = error;
    if (fails) return -1;
  }
  return REAL(fcntl64)(descriptor, command, argument);
}

static int adopt(faulty_disk *disk, int index) {
  disk_file *file = &disk->files[index];
  file->image = calloc(MAXIMUM_PAGES, PAGE_BYTES);
  file->dirty = calloc(MAXIMUM_PAGES, 1);
  if (file->image == NULL || file->dirty == NULL) return -1;
  char path[PATH_MAX + 32];
  snprintf(path, sizeof path, "%s%s", disk->root, names[index]);
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return errno == ENOENT ? 0 : -1;
  file->is_named = 1;
  file->size = size_of(descriptor);
  ssize_t count = pread(descriptor, file->image, (size_t)file->size, 0);
  close(descriptor);
  return count == file->size ? 0 : -1;
}

static void release(faulty_disk *disk) {
  for (int i = 0; i < FILE_COUNT; i++) {
    free(disk->files[i].image);
    free(disk->files[i].dirty);
  }
  free(disk);
}

faulty_disk *faulty_disk_open(const char *directory) {
  faulty_disk *disk = calloc(1, sizeof *disk);
  if (disk == NULL) return NULL;
  disk->cut_skip = -1;
  if (realpath(directory, disk->root) == NULL || adopt(disk, DATABASE) != 0 || adopt(disk, LOG) != 0 ||
      adopt(disk, JOURNAL) != 0) {
    release(disk);
    return NULL;
  }
  pthread_mutex_lock(&mutex);
  disk->next = disks;
  disks = disk;
  atomic_fetch_add(&disk_count, 1);
  pthread_mutex_unlock(&mutex);
  return disk;
}

void faulty_disk_close(faulty_disk *disk) {
  pthread_mutex_lock(&mutex);
  for (faulty_disk **place = &disks; *place; place = &(*place)->next) {
    if (*place != disk) continue;
    *place = disk->next;
    break;
  }
  atomic_fetch_sub(&disk_count, 1);
  pthread_mutex_unlock(&mutex);
  release(disk);
}

void faulty_disk_fail(faulty_disk *disk, int kind, int skip, int count, int error) {
  pthread_mutex_lock(&mutex);
  disk->faults[kind] = (fault){skip, count, error};
  pthread_mutex_unlock(&mutex);
}

int faulty_disk_failures(faulty_disk *disk) {
  pthread_mutex_lock(&mutex);
  int failures = disk->failures;
  pthread_mutex_unlock(&mutex);
  return failures;
}

int faulty_disk_cut(faulty_disk *disk, const char *into, int divisor, int remainder) {
  pthread_mutex_lock(&mutex);
  int code = cut(disk, into, divisor, remainder);
  pthread_mutex_unlock(&mutex);
  return code;
}

void faulty_disk_cut_at_database_sync(faulty_disk *disk, int skip, const char *into, int divisor,
                                      int remainder) {
  pthread_mutex_lock(&mutex);
  snprintf(disk->cut_path, sizeof disk->cut_path, "%s", into);
  disk->cut_skip = skip;
  disk->cut_divisor = divisor;
  disk->cut_remainder = remainder;
  disk->has_cut = 0;
  pthread_mutex_unlock(&mutex);
}

void faulty_disk_at_log_sync(faulty_disk *disk, void (*call)(void *), void *context) {
  pthread_mutex_lock(&mutex);
  disk->at_log_sync = call;
  disk->context = context;
  pthread_mutex_unlock(&mutex);
}

int faulty_disk_has_cut(faulty_disk *disk) {
  pthread_mutex_lock(&mutex);
  int has_cut = disk->has_cut;
  pthread_mutex_unlock(&mutex);
  return has_cut;
}
