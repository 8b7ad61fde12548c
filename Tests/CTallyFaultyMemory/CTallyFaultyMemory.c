// Memory that SQLite asks for and does not get, when the thread that asks was told so.
//
// SQLite's allocator is replaced before the program begins, since it can be only before the first use.
// Threads that were told nothing get what they ask for: tests that run beside notice nothing.
//
// Invariants:
// 1. What fails is counted for each thread alone, and so is what is asked for: the same work asks as often.
// 2. Giving memory back never fails, and a size is never changed.
//
// Owner: the thread that was told to fail.

#include "CTallyFaultyMemory.h"

#include <pthread.h>
#include <stdlib.h>

#include "CTallySQLite.h"

static _Thread_local struct { int skip, count, calls, failures, skips_pauses; } own;

static sqlite3_mem_methods real;
static int (*real_sleep)(sqlite3_vfs *, int);
static pthread_once_t pauses_once = PTHREAD_ONCE_INIT;

static int is_due(void) {
  own.calls++;
  if (own.count == 0) return 0;
  if (own.skip > 0) {
    own.skip--;
    return 0;
  }
  own.count--;
  own.failures++;
  return 1;
}

static void *allocate(int count) { return is_due() ? NULL : real.xMalloc(count); }

static void *reallocate(void *block, int count) { return is_due() ? NULL : real.xRealloc(block, count); }

// Before main: the allocator cannot be changed any more once SQLite was used.
__attribute__((constructor)) static void replace_allocator(void) {
  sqlite3_mem_methods methods;
  if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK) abort();
  methods = real;
  methods.xMalloc = allocate;
  methods.xRealloc = reallocate;
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK) abort();
}

void faulty_memory_fail(int skip, int count) {
  own.skip = skip;
  own.count = count;
  own.calls = 0;
  own.failures = 0;
}

void faulty_memory_end(void) { own.count = 0; }

int faulty_memory_calls(void) { return own.calls; }

int faulty_memory_failures(void) { return own.failures; }

static int pause_or_not(sqlite3_vfs *vfs, int microseconds) {
  return own.skips_pauses ? microseconds : real_sleep(vfs, microseconds);
}

static void replace_pauses(void) {
  sqlite3_vfs *buffering = sqlite3_vfs_find(TALLY_LOG_BUFFER_VFS);
  sqlite3_vfs *watching = sqlite3_vfs_find(TALLY_LOCK_WATCH_VFS);
  if (buffering == NULL || watching == NULL) return;
  real_sleep = buffering->xSleep;
  buffering->xSleep = pause_or_not;
  watching->xSleep = pause_or_not;
}

int faulty_memory_skip_pauses(int is_on) {
  pthread_once(&pauses_once, replace_pauses);
  own.skips_pauses = is_on;
  return real_sleep != NULL;
}
