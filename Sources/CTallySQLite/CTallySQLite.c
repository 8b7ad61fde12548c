#include "CTallySQLite.h"

#include <stdint.h>
#include <sys/vfs.h>
#include <time.h>

int tally_sqlite_configure(int lookaside_slot_bytes, int lookaside_slots) {
  int code = sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
  if (code == SQLITE_OK) code = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  if (code == SQLITE_OK)
    code = sqlite3_config(SQLITE_CONFIG_LOOKASIDE, lookaside_slot_bytes, lookaside_slots);
  if (code == SQLITE_OK) code = sqlite3_initialize();
  if (code == SQLITE_OK) code = tally_sqlite_register_log_buffer();
  return code;
}

int tally_sqlite_set_option(sqlite3 *database, int option, int value) {
  int now = -1;
  int code = sqlite3_db_config(database, option, value, &now);
  if (code == SQLITE_OK && now != value) code = SQLITE_ERROR;
  return code;
}

int tally_sqlite_set_checkpoint_on_close(sqlite3 *database, int is_on) {
  return tally_sqlite_set_option(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !is_on);
}

int tally_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *bytes, int count) {
  return sqlite3_bind_text(statement, index, bytes, count, SQLITE_TRANSIENT);
}

int tally_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int count) {
  return sqlite3_bind_blob(statement, index, bytes, count, SQLITE_TRANSIENT);
}

long long tally_file_system_magic(int descriptor) {
  struct statfs facts;
  if (fstatfs(descriptor, &facts) != 0) return -1;
  return (long long)(uint32_t)facts.f_type;
}

static int on_commit(void *frames, sqlite3 *database, const char *name, int count) {
  (void)database;
  (void)name;
  *(int *)frames = count;
  return SQLITE_OK;
}

void tally_sqlite_watch_log(sqlite3 *database, int *frames) { sqlite3_wal_hook(database, on_commit, frames); }

// A connection's owner is one thread while the limit holds.
static _Thread_local long long time_limit;

static long long thread_nanoseconds(void) {
  struct timespec time = {0};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int is_over_time(void *unused) {
  (void)unused;
  return thread_nanoseconds() >= time_limit;
}

// Few: a step of a full-text search may look at a whole page.
enum { STEPS_BETWEEN_LOOKS = 40 };

void tally_sqlite_limit_time(sqlite3 *database, long long nanoseconds) {
  time_limit = thread_nanoseconds() + nanoseconds;
  sqlite3_progress_handler(database, STEPS_BETWEEN_LOOKS, nanoseconds > 0 ? is_over_time : 0, 0);
}
