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
