// SQLite's own locks on the write-ahead log, and the mark of what of it was copied.
//
// Other programs may have the database open while it is served, and go on when the process that serves it
// starts again: then SQLite does not recover, and what stands in the shared memory (-shm) is taken as it is.
// Its format and its locks are documented: https://www.sqlite.org/walformat.html, "The WAL-Index File
// Format".
//
// The write lock keeps everybody from appending to the log and from starting it over, the checkpoint lock
// from copying it into the database file. Readers need neither.
//
// The mark (nBackfill) says how many frames are in the database file, and the next checkpoint copies only
// what comes after. One that ends before the log does, at somebody's snapshot, sets it without a sync.
// Setting it back to zero lets the next checkpoint copy all. That harms nobody:
//
// 1. A checkpoint writes, of each page, the newest frame only, and none beyond the oldest snapshot. Frames up
//    to the old mark go where the same bytes are already, so that readers who look there see no difference.
// 2. A reader that found the whole log copied, and reads the file only, holds the lock that every copying
//    needs (WAL_READ_LOCK(0)).
// 3. The log starts over only when the mark has reached its end: it does so later, never sooner.
//
// Invariants:
// 1. The locks are taken and given back by the VFS of the connection's file, so that SQLite knows of them in
//    this process too, and no descriptor of the -shm is opened: closing it would drop SQLite's locks.
// 2. The connection runs no statement while it holds them: SQLite does not know that it does.
//
// Owner: the connection's.

#include <stddef.h>
#include <stdint.h>

#include "CTallySQLite.h"

#define INDEX_VERSION 3007000u
// What SQLite maps at once.
#define INDEX_PIECE_BYTES 32768
// In words of 32 bits.
#define BACKFILL_PLACE (96 / 4)
// WAL_WRITE_LOCK and WAL_CKPT_LOCK.
#define FIRST_LOCK 0
#define LOCK_COUNT 2

static int find_file(sqlite3 *database, sqlite3_file **file) {
  *file = NULL;
  int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, file);
  if (code != SQLITE_OK) return code;
  // A database in memory has none.
  int is_shared = *file != NULL && (*file)->pMethods != NULL && (*file)->pMethods->iVersion >= 2;
  return is_shared ? SQLITE_OK : SQLITE_MISUSE;
}

static int change_locks(sqlite3 *database, int change) {
  sqlite3_file *file;
  int code = find_file(database, &file);
  if (code != SQLITE_OK) return code;
  return file->pMethods->xShmLock(file, FIRST_LOCK, LOCK_COUNT, change | SQLITE_SHM_EXCLUSIVE);
}

int tally_sqlite_lock_log(sqlite3 *database) { return change_locks(database, SQLITE_SHM_LOCK); }

int tally_sqlite_unlock_log(sqlite3 *database) { return change_locks(database, SQLITE_SHM_UNLOCK); }

int tally_sqlite_forget_copies(sqlite3 *database) {
  sqlite3_file *file;
  int code = find_file(database, &file);
  if (code != SQLITE_OK) return code;
  volatile void *piece = NULL;
  code = file->pMethods->xShmMap(file, 0, INDEX_PIECE_BYTES, 0, &piece);
  if (code != SQLITE_OK) return code;
  volatile uint32_t *words = piece;
  if (words == NULL || words[0] != INDEX_VERSION) return SQLITE_CANTOPEN;
  __atomic_store_n(&words[BACKFILL_PLACE], 0, __ATOMIC_RELAXED);
  file->pMethods->xShmBarrier(file);
  return SQLITE_OK;
}
