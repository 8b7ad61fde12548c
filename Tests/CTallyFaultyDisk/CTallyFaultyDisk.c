// A disk that fails when it is told to, in the way of Linux.
//
// A sync that fails leaves what was to be written in the page cache, calls it clean, and says so once: the
// next sync does not write it and succeeds. What a directory lost the name of is found until the power goes.
//
// Invariants:
// 1. A page of a file is dirty from a write to the next sync; one that succeeds copies it to the disk's
//    image, one that fails forgets it.
// 2. A name is on the disk after a sync of the directory that succeeds; one that was lost in a failed sync
//    comes there only when it is made anew. Likewise with a name that was removed: it comes back with the
//    power.
//
// Owner: the tests that opened a disk; the calls come from any thread, under one mutex (Interposition.c).

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "Disk.h"

#define PAGE_BYTES 4096
// A test's files are smaller; what lies behind is not kept.
#define MAXIMUM_PAGES 16384
#define MAXIMUM_BYTES ((off_t)MAXIMUM_PAGES * PAGE_BYTES)

static const char *const names[FILE_COUNT] = {"/tally.db", "/tally.db-wal", "/tally.db-journal"};

atomic_int faulty_disk_count;
_Thread_local int faulty_disk_is_inside;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static faulty_disk *disks;

void faulty_disk_enter(void) {
  pthread_mutex_lock(&mutex);
  faulty_disk_is_inside = 1;
}

void faulty_disk_leave(void) {
  int error = errno;
  faulty_disk_is_inside = 0;
  pthread_mutex_unlock(&mutex);
  errno = error;
}

faulty_disk *faulty_disk_at_path(const char *path, const char **rest) {
  for (faulty_disk *disk = disks; disk; disk = disk->next) {
    size_t length = strlen(disk->root);
    if (strncmp(path, disk->root, length) != 0 || (path[length] != '/' && path[length] != 0)) continue;
    *rest = path + length;
    return disk;
  }
  return NULL;
}

faulty_disk *faulty_disk_of(int descriptor, char *path, const char **rest) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return NULL;
  path[length] = 0;
  return faulty_disk_at_path(path, rest);
}

static disk_file *file_named(faulty_disk *disk, const char *rest) {
  for (int i = 0; i < FILE_COUNT; i++)
    if (strcmp(rest, names[i]) == 0) return &disk->files[i];
  return NULL;
}

static int take(faulty_disk *disk, fault *due) {
  if (due->count == 0) return 0;
  if (due->skip > 0) {
    due->skip--;
    return 0;
  }
  due->count--;
  disk->failures++;
  return 1;
}

int faulty_disk_is_due(faulty_disk *disk, int kind) {
  fault *due = &disk->faults[kind];
  if (!take(disk, due)) return 0;
  errno = due->error;
  return 1;
}

static int is_triggered(const faulty_disk *disk) {
  int error = errno;
  int is_there = disk->trigger == NULL || access(disk->trigger, F_OK) == 0;
  errno = error;
  return is_there;
}

int faulty_disk_call(faulty_disk *disk, int kind) {
  if (!is_triggered(disk)) return CALL_PASSES;
  fault *due = &disk->call_faults[kind];
  disk->calls[kind]++;
  fault_places_note(&disk->places[kind]);
  if (!take(disk, due)) return CALL_PASSES;
  if (due->error == FAULTY_DISK_SHORT) return CALL_IS_SHORT;
  errno = due->error;
  return CALL_FAILS;
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
  ssize_t done = count == 0 ? 0 : pwrite(descriptor, bytes, (size_t)count, 0);
  close(descriptor);
  return done == count ? 0 : -1;
}

static int cut(faulty_disk *disk, const char *into, int divisor, int remainder) {
  for (int i = 0; i < FILE_COUNT; i++) {
    disk_file *file = &disk->files[i];
    if (!file->is_named) continue;
    char path[PATH_MAX + FAULTY_DISK_MAXIMUM_CUT_PATH];
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

int faulty_disk_note_sync(faulty_disk *disk, const char *rest, int descriptor, int fails) {
  if (*rest == 0) {
    int has_failed = fails || faulty_disk_is_due(disk, FAULTY_DISK_DIRECTORY_SYNC);
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
  if (file == NULL) return fails;
  if (file == &disk->files[DATABASE] && disk->cut_skip >= 0 && disk->cut_skip-- == 0)
    disk->has_cut = cut(disk, disk->cut_path, disk->cut_divisor, disk->cut_remainder) == 0;
  if (file == &disk->files[JOURNAL] && !fails) {
    write_out(file, descriptor);
    return 0;
  }
  int kind = file == &disk->files[LOG] ? FAULTY_DISK_LOG_SYNC : FAULTY_DISK_DATABASE_SYNC;
  if (!fails && !faulty_disk_is_due(disk, kind)) {
    write_out(file, descriptor);
    return 0;
  }
  if (errno != EINTR) memset(file->dirty, 0, MAXIMUM_PAGES);
  return 1;
}

void faulty_disk_note_write(faulty_disk *disk, const char *rest, off_t offset, ssize_t count) {
  disk_file *file = file_named(disk, rest);
  for (off_t page = offset / PAGE_BYTES; file && page * PAGE_BYTES < offset + count; page++)
    if (page < MAXIMUM_PAGES) file->dirty[page] = 1;
}

void faulty_disk_note_unlink(faulty_disk *disk, const char *rest) {
  disk_file *file = file_named(disk, rest);
  if (file) file->is_name_lost = 0;
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
  for (int kind = 0; kind < FAULTY_DISK_CALL_COUNT; kind++) fault_places_forget(&disk->places[kind]);
  recording_free(disk->recording);
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
  faulty_disk_enter();
  disk->next = disks;
  disks = disk;
  atomic_fetch_add(&faulty_disk_count, 1);
  faulty_disk_leave();
  return disk;
}

void faulty_disk_close(faulty_disk *disk) {
  faulty_disk_enter();
  for (faulty_disk **place = &disks; *place; place = &(*place)->next) {
    if (*place != disk) continue;
    *place = disk->next;
    break;
  }
  atomic_fetch_sub(&faulty_disk_count, 1);
  faulty_disk_leave();
  release(disk);
}

void faulty_disk_fail(faulty_disk *disk, int kind, int skip, int count, int error) {
  faulty_disk_enter();
  disk->faults[kind] = (fault){skip, count, error};
  faulty_disk_leave();
}

void faulty_disk_fail_call(faulty_disk *disk, int kind, int skip, int count, int error) {
  faulty_disk_enter();
  disk->call_faults[kind] = (fault){skip, count, error};
  faulty_disk_leave();
}

int faulty_disk_calls(faulty_disk *disk, int kind) {
  faulty_disk_enter();
  int calls = disk->calls[kind];
  faulty_disk_leave();
  return calls;
}

void faulty_disk_record_places(faulty_disk *disk) {
  faulty_disk_enter();
  for (int kind = 0; kind < FAULTY_DISK_CALL_COUNT; kind++) {
    fault_places_forget(&disk->places[kind]);
    disk->places[kind].is_on = 1;
  }
  faulty_disk_leave();
}

int faulty_disk_place_count(faulty_disk *disk, int kind) { return disk->places[kind].count; }

uint64_t faulty_disk_place(faulty_disk *disk, int kind, int index) { return disk->places[kind].ways[index]; }

int faulty_disk_failures(faulty_disk *disk) {
  faulty_disk_enter();
  int failures = disk->failures;
  faulty_disk_leave();
  return failures;
}

int faulty_disk_cut(faulty_disk *disk, const char *into, int divisor, int remainder) {
  faulty_disk_enter();
  int code = cut(disk, into, divisor, remainder);
  faulty_disk_leave();
  return code;
}

void faulty_disk_cut_at_database_sync(faulty_disk *disk, int skip, const char *into, int divisor,
                                      int remainder) {
  faulty_disk_enter();
  snprintf(disk->cut_path, sizeof disk->cut_path, "%s", into);
  disk->cut_skip = skip;
  disk->cut_divisor = divisor;
  disk->cut_remainder = remainder;
  disk->has_cut = 0;
  faulty_disk_leave();
}

void faulty_disk_at_log_sync(faulty_disk *disk, void (*call)(void *), void *context) {
  faulty_disk_enter();
  disk->at_log_sync = call;
  disk->context = context;
  faulty_disk_leave();
}

int faulty_disk_has_cut(faulty_disk *disk) {
  faulty_disk_enter();
  int has_cut = disk->has_cut;
  faulty_disk_leave();
  return has_cut;
}
