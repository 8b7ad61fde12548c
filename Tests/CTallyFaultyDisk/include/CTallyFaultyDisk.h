// A disk under one directory that fails when it is told to, and of which is known what it would keep if the
// power went.
#pragma once
#include <stdint.h>

#include "FaultPlaces.h"

// What fails: a sync of the directory, of the database, of the log, or the unlocking of shared memory.
enum {
  FAULTY_DISK_DIRECTORY_SYNC,
  FAULTY_DISK_DATABASE_SYNC,
  FAULTY_DISK_LOG_SYNC,
  FAULTY_DISK_UNLOCK,
  FAULTY_DISK_FAULT_COUNT
};

// Calls on files under the directory, the shared memory's and the lock file's among them. A lock is one that
// is wanted or asked about, an unlock one that is given back; a look asks what is there, or whether something
// is; a map is one of a file; a list is a step through the directory.
enum {
  FAULTY_DISK_CALL_READ,
  FAULTY_DISK_CALL_WRITE,
  FAULTY_DISK_CALL_SYNC,
  FAULTY_DISK_CALL_TRUNCATE,
  FAULTY_DISK_CALL_OPEN,
  FAULTY_DISK_CALL_LOCK,
  FAULTY_DISK_CALL_UNLINK,
  FAULTY_DISK_CALL_RENAME,
  FAULTY_DISK_CALL_UNLOCK,
  FAULTY_DISK_CALL_LOOK,
  FAULTY_DISK_CALL_MAP,
  FAULTY_DISK_CALL_LIST,
  FAULTY_DISK_CALL_COUNT
};

// In place of an errno: a read or a write of half of the bytes.
#define FAULTY_DISK_SHORT (-1)

typedef struct faulty_disk faulty_disk;

// Watches a directory, of which all that is there now is taken to be on the disk. NULL when it cannot.
faulty_disk *faulty_disk_open(const char *directory);
void faulty_disk_close(faulty_disk *disk);

// From the `skip`th next one on, `count` calls of a kind fail with an errno.
void faulty_disk_fail(faulty_disk *disk, int kind, int skip, int count, int error);
// The same with calls of a kind, on whatever file.
void faulty_disk_fail_call(faulty_disk *disk, int kind, int skip, int count, int error);
// How many calls of a kind there were.
int faulty_disk_calls(faulty_disk *disk, int kind);
// Notes for each call from now on the way through the code that leads to it, as a number. Those of a kind are
// read when no calls may come.
void faulty_disk_record_places(faulty_disk *disk);
int faulty_disk_place_count(faulty_disk *disk, int kind);
uint64_t faulty_disk_place(faulty_disk *disk, int kind, int index);
// How many calls have failed or were short.
int faulty_disk_failures(faulty_disk *disk);

// Copies what the disk would hold after a power cut now into an empty directory. Of the pages that wait to be
// written, those are there whose number leaves `remainder` when divided by `divisor`; none when it is 0.
int faulty_disk_cut(faulty_disk *disk, const char *into, int divisor, int remainder);
// The same by itself, as the `skip`th next sync of the database begins.
void faulty_disk_cut_at_database_sync(faulty_disk *disk, int skip, const char *into, int divisor,
                                      int remainder);
// Calls as the next sync of the log begins, once, on its thread; a call of NULL takes it back.
void faulty_disk_at_log_sync(faulty_disk *disk, void (*call)(void *), void *context);
// Whether such a cut has happened.
int faulty_disk_has_cut(faulty_disk *disk);

// What happened to the files of the directory, in order, from `faulty_disk_record` on: what a power cut at
// any moment would leave is made of it afterwards. The shared memory and the lock file are left out.
enum {
  FAULTY_DISK_CREATE,
  FAULTY_DISK_WRITE,
  FAULTY_DISK_SIZE,
  FAULTY_DISK_SYNC,
  FAULTY_DISK_FAILED_SYNC,
  FAULTY_DISK_REMOVE,
  FAULTY_DISK_RENAME,
  FAULTY_DISK_MARK
};

typedef struct {
  int kind;
  // Without a slash; empty for the directory itself.
  const char *name;
  // Of a rename.
  const char *new_name;
  // Of a write.
  const unsigned char *bytes;
  int64_t count;
  // Where a write begins, a new size, or what a mark says.
  int64_t place;
} faulty_disk_event;

// Returns 0, or -1 when there is no memory.
int faulty_disk_record(faulty_disk *disk);
// Puts a mark of the test's own among the events.
void faulty_disk_mark(faulty_disk *disk, int64_t number);
int faulty_disk_event_count(faulty_disk *disk);
// Valid until the disk is closed. Not while calls may come.
faulty_disk_event faulty_disk_event_at(faulty_disk *disk, int index);
