// What the disk's files share: the disks that are open, and what each knows of its files.
//
// Invariants:
// 1. the mutex is held by whoever looks at a disk, and while a call on one of its files is carried
//    out: what is remembered of the calls has their order.
//
// Owner: the tests that opened a disk; the calls come from any thread.
#pragma once

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "CTallyFaultyDisk.h"

#define FAULTY_DISK_MAXIMUM_CUT_PATH 256

enum { DATABASE, LOG, JOURNAL, FILE_COUNT };

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

typedef struct recording recording;

struct faulty_disk {
  struct faulty_disk *next;
  char root[PATH_MAX];
  disk_file files[FILE_COUNT];
  fault faults[FAULTY_DISK_FAULT_COUNT];
  fault call_faults[FAULTY_DISK_CALL_COUNT];
  int calls[FAULTY_DISK_CALL_COUNT];
  fault_places places[FAULTY_DISK_CALL_COUNT];
  int failures;
  // A file; calls are neither counted nor fail while it is not there. NULL: they are.
  const char *trigger;
  int cut_skip, cut_divisor, cut_remainder, has_cut;
  void (*at_log_sync)(void *);
  void *context;
  char cut_path[FAULTY_DISK_MAXIMUM_CUT_PATH];
  recording *recording;
};

extern atomic_int faulty_disk_count;
// Whether this thread is between `enter` and `leave`: what it calls then is not watched.
extern _Thread_local int faulty_disk_is_inside;
// Takes the mutex, and gives it back; errno stays.
void faulty_disk_enter(void);
void faulty_disk_leave(void);

// The disk that a path, or what a descriptor is open on, is under, with the rest of the path: empty for the
// directory itself. NULL for what is under none. Under the mutex.
faulty_disk *faulty_disk_at_path(const char *path, const char **rest);
faulty_disk *faulty_disk_of(int descriptor, char *path, const char **rest);

// Whether a fault of a kind is due, with errno set. Under the mutex.
int faulty_disk_is_due(faulty_disk *disk, int kind);
// The same of a call of a kind, which is counted. A short one is not due: it has SHORT in its place.
enum { CALL_PASSES, CALL_FAILS, CALL_IS_SHORT };
int faulty_disk_call(faulty_disk *disk, int kind);

// What the calls tell, under the mutex; what they tell of has happened, but for a sync.
void faulty_disk_note_write(faulty_disk *disk, const char *rest, off_t offset, ssize_t count);
void faulty_disk_note_unlink(faulty_disk *disk, const char *rest);
// `fails`: it is to fail, with errno set. Returns 1 when it has failed, for that or for a fault that is due.
int faulty_disk_note_sync(faulty_disk *disk, const char *rest, int descriptor, int fails);

// Recording.c. `rest` of a file begins with '/'.
void recording_write(recording *to, const char *rest, const void *bytes, off_t count, off_t offset);
void recording_size(recording *to, const char *rest, off_t size);
void recording_sync(recording *to, const char *rest, int has_failed);
void recording_name(recording *to, int kind, const char *rest, const char *new_rest);
void recording_free(recording *of);
