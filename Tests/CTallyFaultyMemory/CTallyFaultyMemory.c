// Memory that is asked for and not given, when the thread that asks was told so: SQLite's, and of the C
// library's what matches.
//
// SQLite's allocator is replaced before the program begins, since it can be only before the first use.
// Threads that were told nothing get what they ask for: tests that run beside notice nothing. A program of
// its own that preloads this library (LD_PRELOAD) is told by its environment, all threads together.
//
// Invariants:
// 1. What fails is counted for each thread alone, and so is what is asked for: the same work asks as often.
// 2. Giving memory back never fails, and a size is never changed.
//
// Owner: the thread that was told to fail.

#include "CTallyFaultyMemory.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "CTallySQLite.h"
#include "FaultPlaces.h"

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#else
#define IS_SANITIZED 0
#endif

// Asked for within malloc: it must not be made of memory.
#define PER_THREAD static _Thread_local __attribute__((tls_model("initial-exec")))

typedef struct {
  int skip, count, calls, failures;
} plan;

PER_THREAD plan of_sqlite, of_system;
PER_THREAD int (*is_meant)(size_t, int);
PER_THREAD int skips_pauses;

// Of the whole process; set before main.
static int process_skip, process_count;
static atomic_int process_calls;

static sqlite3_mem_methods real;
static int (*real_sleep)(sqlite3_vfs *, int);
static pthread_once_t pauses_once = PTHREAD_ONCE_INIT;

static int is_due(plan *plan) {
  plan->calls++;
  if (plan->count == 0) return 0;
  if (plan->skip > 0) {
    plan->skip--;
    return 0;
  }
  plan->count--;
  plan->failures++;
  return 1;
}

static int is_due_in_process(void) {
  if (process_count == 0) return 0;
  int place = atomic_fetch_add(&process_calls, 1);
  return place >= process_skip && place - process_skip < process_count;
}

// MARK: where it is asked for

PER_THREAD fault_places places;

void faulty_memory_record(int is_on) {
  places.is_on = is_on;
  if (is_on) places.count = 0;
}

int faulty_memory_place_count(void) { return places.count; }

uint64_t faulty_memory_place(int index) { return places.ways[index]; }

void faulty_memory_forget_places(void) { fault_places_forget(&places); }

// MARK: SQLite's

static int is_refused(void) {
  fault_places_note(&places);
  // Both count.
  int due = is_due(&of_sqlite);
  return is_due_in_process() || due;
}

static void *allocate(int count) { return is_refused() ? NULL : real.xMalloc(count); }

static void *reallocate(void *block, int count) { return is_refused() ? NULL : real.xRealloc(block, count); }

// TALLY_FAULTY_MEMORY: "SKIP COUNT".
static void begin_by_environment(void) {
  const char *text = getenv("TALLY_FAULTY_MEMORY");
  if (text && sscanf(text, "%d %d", &process_skip, &process_count) != 2) abort();
}

// Before main: the allocator cannot be changed any more once SQLite was used.
__attribute__((constructor)) static void replace_allocator(void) {
  sqlite3_mem_methods methods;
  begin_by_environment();
  if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK) abort();
  methods = real;
  methods.xMalloc = allocate;
  methods.xRealloc = reallocate;
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK) abort();
}

void faulty_memory_fail(int skip, int count) { of_sqlite = (plan){skip, count, 0, 0}; }

void faulty_memory_end(void) { of_sqlite.count = 0; }

int faulty_memory_calls(void) { return of_sqlite.calls; }

int faulty_memory_failures(void) { return of_sqlite.failures; }

// MARK: the C library's

void faulty_memory_fail_system(int (*matches)(size_t, int), int skip, int count) {
  of_system = (plan){skip, count, 0, 0};
  is_meant = matches;
}

void faulty_memory_end_system(void) { is_meant = NULL; }

int faulty_memory_system_calls(void) { return of_system.calls; }

int faulty_memory_system_failures(void) { return of_system.failures; }

int faulty_memory_watches_system(void) { return !IS_SANITIZED; }

#if !IS_SANITIZED
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);

static int is_system_due(size_t size, int is_cleared) {
  if (is_meant == NULL || !is_meant(size, is_cleared) || !is_due(&of_system)) return 0;
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t size) { return is_system_due(size, 0) ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) {
  return is_system_due(count * size, 1) ? NULL : __libc_calloc(count, size);
}
#endif

// MARK: pauses

static int pause_or_not(sqlite3_vfs *vfs, int microseconds) {
  return skips_pauses ? microseconds : real_sleep(vfs, microseconds);
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
  skips_pauses = is_on;
  return real_sleep != NULL;
}
