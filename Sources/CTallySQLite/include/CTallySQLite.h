// The system's <sqlite3.h>, as a module that Swift can import, and the shims that Swift cannot call:
// variadic functions and destructors that are numbers.
#pragma once
#include <sqlite3.h>

// Before the first connection: connections are confined to one owner each, memory is not counted,
// and each connection has a small lookaside. Returns an SQLite result code.
int tally_sqlite_configure(int lookaside_slot_bytes, int lookaside_slots);

// The VFS that keeps the log's consecutive writes together until they are synced (LogBuffer.c). Only
// for connections with synchronous=FULL. Registered by tally_sqlite_configure.
#define TALLY_LOG_BUFFER_VFS "tally-log-buffer"
// The one that does nothing but look at unlocks, for all other connections.
#define TALLY_LOCK_WATCH_VFS "tally-lock-watch"
int tally_sqlite_register_log_buffer(void);

// sqlite3_db_config for the options that take an int; fails when the setting does not stick.
int tally_sqlite_set_option(sqlite3 *database, int option, int value);

// Bind a copy of the bytes.
int tally_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *bytes, int count);
int tally_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int count);

// The magic number of the file system that an open file is on, or -1 with errno set.
long long tally_file_system_magic(int descriptor);

// After each commit in WAL mode, *frames is the number of frames in the log. `frames` must outlive
// the connection.
void tally_sqlite_watch_log(sqlite3 *database, int *frames);

// Interrupts what this connection does (SQLITE_INTERRUPT) once the calling thread has used so much more of
// the processor's time; 0 takes the limit away. SQLite looks at it between the steps of a statement's
// program.
void tally_sqlite_limit_time(sqlite3 *database, long long nanoseconds);

// Whether an unlock of the database's shared memory has failed for good (LogBuffer.c). Only of a connection
// with one of the VFSs above; 0 for others.
int tally_sqlite_has_failed_unlock(sqlite3 *database);

// SQLite's locks on the log (LogLock.c), of a connection in WAL mode that has read. Returns an SQLite result
// code: SQLITE_BUSY while another connection has one of them. No statement may run until they are given back.
int tally_sqlite_lock_log(sqlite3 *database);
int tally_sqlite_unlock_log(sqlite3 *database);
// Under these locks: lets the next checkpoint, whoever's it is, copy all of the log.
int tally_sqlite_forget_copies(sqlite3 *database);
// Keeps SQLite from copying the log into the database file as the last connection closes, or lets it.
int tally_sqlite_set_checkpoint_on_close(sqlite3 *database, int is_on);

// What recovery will find in a write-ahead log (LogFile.c).
typedef struct {
  // Frames through to the last commit before the first bad frame, and the log's bytes up to there.
  long long whole_frames;
  long long whole_bytes;
  // From 1; 0 for the log's header, -1 when there is none.
  long long first_bad_frame;
  // Whole commits behind the first bad frame.
  long long commits_behind;
  // Acknowledged commits lie behind the first bad frame.
  int is_damaged;
  // Frames of a transaction without its commit are at the end.
  int is_unfinished;
} tally_log_state;

// Each returns an SQLite result code, with errno set. A log that is not there is an empty one.
int tally_log_examine(const char *path, tally_log_state *state);
// Writes so many bytes of the log back as they are read, and syncs them: after a failed sync the page cache
// may hold what the disk does not, and calls it clean. Under the locks of tally_sqlite_lock_log: whoever
// changes the log meanwhile would find old bytes in place of new ones.
int tally_log_write_back(const char *path, long long byte_count);
// fsync, again after an interruption.
int tally_sync(int descriptor);
