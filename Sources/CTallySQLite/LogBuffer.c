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
// 4. All files but the log belong to the VFS beneath, with nothing in between but a look at how unlocks of
//    the database's shared memory end. SQLite ignores it when one fails: a writer is locked out by itself
//    from then on, and a reader's mark keeps the log from starting over, for as long as the process lives.
//    So it is tried again, and remembered, and no lock is given after it.
// 5. A read that failed is called a failed read. For some errors the VFS beneath says that the file system is
//    damaged, and SQLite passes that on as damage to the database: but nobody has seen what is stored.
// 6. A log that may not grow, by the process's limit or since the user's share of the disk is used up, is a
//    full disk. The VFS beneath knows only a disk without space as full.
// 7. A second VFS has these looks only: for connections that write no log.
//
// Owner: the connection that opened the file.

#include <errno.h>
#include <pthread.h>
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
  if (code != SQLITE_IOERR_WRITE) return code;
  int number = 0;
  log->inner->pMethods->xFileControl(log->inner, SQLITE_FCNTL_LAST_ERRNO, &number);
  return number == EDQUOT || number == EFBIG ? SQLITE_FULL : code;
}

static int read_beneath(const sqlite3_io_methods *methods, sqlite3_file *file, void *bytes, int count,
                        sqlite3_int64 offset) {
  int code = methods->xRead(file, bytes, count, offset);
  return code == SQLITE_IOERR_CORRUPTFS ? SQLITE_IOERR_READ : code;
}

static int log_close(sqlite3_file *file) {
  log_file *log = (log_file *)file;
  int flushed = flush_log(log);
  int closed = log->inner->pMethods ? log->inner->pMethods->xClose(log->inner) : SQLITE_OK;
  sqlite3_free(log->bytes);
  log->bytes = NULL;
  return flushed == SQLITE_OK ? closed : flushed;
}

static int log_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
  log_file *log = (log_file *)file;
  int code = flush_log(log);
  return code == SQLITE_OK ? read_beneath(log->inner->pMethods, log->inner, bytes, count, offset) : code;
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

// How often an unlock is tried.
#define UNLOCK_ATTEMPTS 3

// Methods of the VFS beneath, and the same with our looks; each set once.
typedef struct {
  const sqlite3_io_methods *beneath;
  sqlite3_io_methods own;
} methods;

static methods database_methods, log_methods_of_others;
static pthread_mutex_t methods_mutex = PTHREAD_MUTEX_INITIALIZER;

// Lies behind what the VFS beneath keeps of a file: a database file needs no `log_file`.
static int *failed_unlock(sqlite3_file *file) { return (int *)((char *)file + beneath->szOsFile); }

static int database_lock(sqlite3_file *file, int offset, int count, int flags) {
  // SQLite would wait ten seconds for itself.
  if (*failed_unlock(file) && !(flags & SQLITE_SHM_UNLOCK)) return SQLITE_IOERR_LOCK;
  int code = database_methods.beneath->xShmLock(file, offset, count, flags);
  if (!(flags & SQLITE_SHM_UNLOCK)) return code;
  for (int i = 1; code != SQLITE_OK && i < UNLOCK_ATTEMPTS; i++)
    code = database_methods.beneath->xShmLock(file, offset, count, flags);
  if (code != SQLITE_OK) *failed_unlock(file) = 1;
  return code;
}

static int database_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
  return read_beneath(database_methods.beneath, file, bytes, count, offset);
}

static int other_log_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
  return read_beneath(log_methods_of_others.beneath, file, bytes, count, offset);
}

static void watch(sqlite3_file *file, methods *with, __typeof__(&database_read) read,
                  __typeof__(&database_lock) lock) {
  pthread_mutex_lock(&methods_mutex);
  if (with->beneath == NULL) {
    with->own = *file->pMethods;
    with->own.xRead = read;
    if (lock) with->own.xShmLock = lock;
    with->beneath = file->pMethods;
  }
  // Another way of locking has methods of its own.
  if (file->pMethods == with->beneath) file->pMethods = &with->own;
  pthread_mutex_unlock(&methods_mutex);
}

int tally_sqlite_has_failed_unlock(sqlite3 *database) {
  sqlite3_file *file = NULL;
  int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code != SQLITE_OK || file == NULL || file->pMethods != &database_methods.own) return 0;
  return *failed_unlock(file);
}

static int open_watched(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *given) {
  (void)vfs;
  int code = beneath->xOpen(beneath, name, file, flags, given);
  if (code != SQLITE_OK) return code;
  if (flags & SQLITE_OPEN_MAIN_DB) {
    *failed_unlock(file) = 0;
    watch(file, &database_methods, database_read, database_lock);
  }
  if (flags & SQLITE_OPEN_WAL) watch(file, &log_methods_of_others, other_log_read, NULL);
  return code;
}

static int open_buffered(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *given) {
  if (!(flags & SQLITE_OPEN_WAL)) return open_watched(vfs, name, file, flags, given);
  log_file *log = (log_file *)file;
  memset(log, 0, sizeof *log);
  log->inner = (sqlite3_file *)(log + 1);
  log->bytes = sqlite3_malloc(TALLY_LOG_BUFFER_BYTES);
  if (log->bytes == NULL) return SQLITE_NOMEM;
  int code = beneath->xOpen(beneath, name, log->inner, flags, given);
  if (code != SQLITE_OK) {
    sqlite3_free(log->bytes);
    log->bytes = NULL;
    return code;
  }
  log->file.pMethods = &log_methods;
  return SQLITE_OK;
}

// Everything but opening a file stays as it is, and finds what it knows in the copied fields.
static int add_vfs(sqlite3_vfs *vfs, const char *name, __typeof__(vfs->xOpen) open) {
  *vfs = *beneath;
  vfs->zName = name;
  vfs->pNext = NULL;
  vfs->szOsFile = (int)sizeof(log_file) + beneath->szOsFile;
  vfs->xOpen = open;
  return sqlite3_vfs_register(vfs, 0);
}

int tally_sqlite_register_log_buffer(void) {
  static sqlite3_vfs buffering, watching;
  beneath = sqlite3_vfs_find("unix");
  if (beneath == NULL) return SQLITE_ERROR;
  int code = add_vfs(&buffering, TALLY_LOG_BUFFER_VFS, open_buffered);
  return code == SQLITE_OK ? add_vfs(&watching, TALLY_LOCK_WATCH_VFS, open_watched) : code;
}
