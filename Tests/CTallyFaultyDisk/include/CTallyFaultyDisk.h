// A disk under one directory that fails when it is told to, and of which is known what it would keep if the
// power went.
#pragma once
#include <stdint.h>

// What fails: a sync of the directory, of the database, of the log, or the unlocking of shared memory.
enum {
  FAULTY_DISK_DIRECTORY_SYNC,
  FAULTY_DISK_DATABASE_SYNC,
  FAULTY_DISK_LOG_SYNC,
  FAULTY_DISK_UNLOCK,
  FAULTY_DISK_FAULT_COUNT
};

typedef struct faulty_disk faulty_disk;

// Watches a directory, of which all that is there now is taken to be on the disk. NULL when it cannot.
faulty_disk *faulty_disk_open(const char *directory);
void faulty_disk_close(faulty_disk *disk);

// From the `skip`th next one on, `count` calls of a kind fail with an errno.
void faulty_disk_fail(faulty_disk *disk, int kind, int skip, int count, int error);
// How many calls have failed.
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
