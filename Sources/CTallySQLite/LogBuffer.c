// A VFS that writes the write-ahead log in large pieces.
//
// SQLite writes each frame of the log with two small writes, its header and its page. A commit of sixty
// callers dirties some seventy pages: a hundred and forty system calls for bytes that lie side by side.
// This VFS keeps the log's consecutive writes in memory and hands them on in one piece.
//
// Invariants:
// 1. Nothing is read, synced, truncated, sized or closed before what is kept was written. With
//    synchronous=FULL every commit is synced before it is published, so no reader and no crash ever
//    meets a commit whose frames are still here. Connections that do not sync every commit must not use it.
// 2. At most TALLY_LOG_BUFFER_BYTES are kept; what does not follow on is written first. A single write is
//    at most a page.
// 3. A write that fails fails the call that made it happen, and what was kept is gone: the commit that it
//    belonged to fails with it.
// 4. All files but the log belong to the VFS beneath, with nothing in between.
//
// Owner: the connection that opened the file.

#include <stdlib.h>
#include <string.h>

#include "CTallySQLite.h"

#define TALLY_LOG_BUFFER_BYTES (1 << 20)

// The largest page, and so the largest write that the VFS beneath expects: it takes the length modulo
// 128 KiB (seekAndWriteFd in os_unix.c).
#define PIECE_BYTES (64 << 10)

typedef struct {
  sqlite3_file file;
  sqlite3_file *inner;
  unsigned char *bytes;
  sqlite3_int64 start;
  int count;
} log_file;

// Set once, before the first connection.
static sqlite3_vfs *beneath;

static int flush_log(log_file *log) {
  int count = log->count;
  log->count = 0;
  int code = SQLITE_OK;
  for (int done = 0; done < count && code == SQLITE_OK; done += PIECE_BYTES) {
    int piece = count - done < PIECE_BYTES ? count - done : PIECE_BYTES;
    code = log->inner->pMethods->xWrite(log->inner, log->bytes + done, piece, log->start + done);
  }
  return code;
}

static int log_close(sqlite3_file *file) {
  log_file *log = (log_file *)file;
  int flushed = flush_log(log);
  int closed = log->inner->pMethods ? log->inner->pMethods->xClose(log->inner) : SQLITE_OK;
  free(log->bytes);
  log->bytes = NULL;
  return flushed == SQLITE_OK ? closed : flushed;
}

static int log_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
  log_file *log = (log_file *)file;
  int code = flush_log(log);
  return code == SQLITE_OK ? log->inner->pMethods->xRead(log->inner, bytes, count, offset) : code;
}

static int log_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
  log_file *log = (log_file *)file;
  int follows = log->count > 0 && offset == log->start + log->count;
  if (!follows || count > TALLY_LOG_BUFFER_BYTES - log->count) {
    int code = flush_log(log);
    if (code != SQLITE_OK) return code;
    log->start = offset;
  }
  memcpy(log->bytes + log->count, bytes, (size_t)count);
  log->count += count;
  return SQLITE_OK;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size) {
  log_file *log = (log_file *)file;
  int code = flush_log(log);
  return code == SQLITE_OK ? log->inner->pMethods->xTruncate(log->inner, size) : code;
}

static int log_sync(sqlite3_file *file, int flags) {
  log_file *log = (log_file *)file;
  int code = flush_log(log);
  return code == SQLITE_OK ? log->inner->pMethods->xSync(log->inner, flags) : code;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size) {
  log_file *log = (log_file *)file;
  int code = flush_log(log);
  return code == SQLITE_OK ? log->inner->pMethods->xFileSize(log->inner, size) : code;
}

static int log_lock(sqlite3_file *file, int level) {
  sqlite3_file *inner = ((log_file *)file)->inner;
  return inner->pMethods->xLock(inner, level);
}

static int log_unlock(sqlite3_file *file, int level) {
  sqlite3_file *inner = ((log_file *)file)->inner;
  return inner->pMethods->xUnlock(inner, level);
}

static int log_check_lock(sqlite3_file *file, int *held) {
  sqlite3_file *inner = ((log_file *)file)->inner;
  return inner->pMethods->xCheckReservedLock(inner, held);
}

static int log_control(sqlite3_file *file, int operation, void *argument) {
  sqlite3_file *inner = ((log_file *)file)->inner;
  return inner->pMethods->xFileControl(inner, operation, argument);
}

static int log_sector_size(sqlite3_file *file) {
  sqlite3_file *inner = ((log_file *)file)->inner;
  return inner->pMethods->xSectorSize(inner);
}

static int log_characteristics(sqlite3_file *file) {
  sqlite3_file *inner = ((log_file *)file)->inner;
  return inner->pMethods->xDeviceCharacteristics(inner);
}

// Version 1: the log is neither mapped nor shared through its own file.
static const sqlite3_io_methods log_methods = {
    1,
    log_close,
    log_read,
    log_write,
    log_truncate,
    log_sync,
    log_size,
    log_lock,
    log_unlock,
    log_check_lock,
    log_control,
    log_sector_size,
    log_characteristics,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
};

static int open_file(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *given) {
  (void)vfs;
  if (!(flags & SQLITE_OPEN_WAL)) return beneath->xOpen(beneath, name, file, flags, given);
  log_file *log = (log_file *)file;
  memset(log, 0, sizeof *log);
  log->inner = (sqlite3_file *)(log + 1);
  log->bytes = malloc(TALLY_LOG_BUFFER_BYTES);
  if (log->bytes == NULL) return SQLITE_NOMEM;
  int code = beneath->xOpen(beneath, name, log->inner, flags, given);
  if (code != SQLITE_OK) {
    free(log->bytes);
    log->bytes = NULL;
    return code;
  }
  log->file.pMethods = &log_methods;
  return SQLITE_OK;
}

int tally_sqlite_register_log_buffer(void) {
  static sqlite3_vfs vfs;
  beneath = sqlite3_vfs_find("unix");
  if (beneath == NULL) return SQLITE_ERROR;
  // Everything but opening a file stays as it is, and finds what it knows in the copied fields.
  vfs = *beneath;
  vfs.zName = TALLY_LOG_BUFFER_VFS;
  vfs.pNext = NULL;
  vfs.szOsFile = (int)sizeof(log_file) + beneath->szOsFile;
  vfs.xOpen = open_file;
  return sqlite3_vfs_register(&vfs, 0);
}
