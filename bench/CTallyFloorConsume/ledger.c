// The floor's ledger on SQLite's C interface.
#include "ledger.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "die.h"
#include "keys.h"

enum { CHECKPOINT_FRAMES = 8000 };

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS account ("
    " id INTEGER PRIMARY KEY, user_id TEXT NOT NULL UNIQUE,"
    " balance_micros INTEGER NOT NULL CHECK (balance_micros >= 0), version INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS ledger ("
    " sequence INTEGER PRIMARY KEY, account INTEGER NOT NULL, type INTEGER NOT NULL,"
    " amount_micros INTEGER NOT NULL, balance_after_micros INTEGER NOT NULL, version INTEGER NOT NULL,"
    " at_micros INTEGER NOT NULL, key TEXT NOT NULL, UNIQUE (key, account)) STRICT;"
    "CREATE INDEX IF NOT EXISTS ledger_history ON ledger (account, sequence);";

enum statement { BEGIN, COMMIT, ACCOUNT, UPDATE, INSERT, STORED, SEED, STATEMENTS };

static const char *const texts[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ACCOUNT] = "SELECT id, balance_micros, version FROM account WHERE user_id = ?1",
    [UPDATE] = "UPDATE account SET balance_micros = ?2, version = ?3 WHERE id = ?1",
    [INSERT] =
        "INSERT INTO ledger"
        " (account, type, amount_micros, balance_after_micros, version, at_micros, key)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
    [STORED] =
        "SELECT sequence, balance_after_micros, version, at_micros FROM ledger"
        " WHERE key = ?2 AND account = ?1",
    [SEED] =
        "INSERT INTO account (user_id, balance_micros, version) VALUES (?1, ?2, 0)"
        " ON CONFLICT DO NOTHING",
};

struct ledger {
  sqlite3 *database;
  sqlite3_stmt *statements[STATEMENTS];
  bool in_transaction;
  int frames;  // in the log, as of the last commit
};

static _Noreturn void die_of(const struct ledger *ledger, const char *what) {
  die("%s: %s", what, sqlite3_errmsg(ledger->database));
}

static void run(struct ledger *ledger, const char *sql) {
  if (sqlite3_exec(ledger->database, sql, NULL, NULL, NULL) != SQLITE_OK) die_of(ledger, sql);
}

// Steps a statement; true when it has a row. The caller resets it.
static bool step(struct ledger *ledger, enum statement statement) {
  int code = sqlite3_step(ledger->statements[statement]);
  if (code != SQLITE_ROW && code != SQLITE_DONE) die_of(ledger, texts[statement]);
  return code == SQLITE_ROW;
}

static void step_once(struct ledger *ledger, enum statement statement) {
  step(ledger, statement);
  sqlite3_reset(ledger->statements[statement]);
}

static void bind_text(struct ledger *ledger, enum statement statement, int index, struct text text) {
  // The text outlives the step, so SQLite need not copy it.
  sqlite3_bind_text(ledger->statements[statement], index, text.bytes, (int)text.length, SQLITE_STATIC);
}

static void bind_int64(struct ledger *ledger, enum statement statement, int index, int64_t value) {
  sqlite3_bind_int64(ledger->statements[statement], index, value);
}

static int count_frames(void *state, sqlite3 *database, const char *name, int frames) {
  (void)database, (void)name;
  ((struct ledger *)state)->frames = frames;
  return SQLITE_OK;
}

static void seed(struct ledger *ledger, uint32_t accounts) {
  step_once(ledger, BEGIN);
  for (uint32_t account = 0; account < accounts; account++) {
    char name[ACCOUNT_NAME_BYTES];
    account_name(account, name);
    bind_text(ledger, SEED, 1, (struct text){name, sizeof name});
    bind_int64(ledger, SEED, 2, SEEDED_MICROS);
    step_once(ledger, SEED);
  }
  step_once(ledger, COMMIT);
}

struct ledger *ledger_open(const char *path, uint32_t accounts) {
  struct ledger *ledger = calloc(1, sizeof *ledger);
  if (ledger == NULL) die("out of memory");
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path, &ledger->database, flags, NULL) != SQLITE_OK) die_of(ledger, path);
  run(ledger,
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
      "PRAGMA cache_size=-8192; PRAGMA cache_spill=OFF; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0");
  sqlite3_wal_hook(ledger->database, count_frames, ledger);
  run(ledger, schema);
  for (int i = 0; i < STATEMENTS; i++) {
    if (sqlite3_prepare_v3(ledger->database, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &ledger->statements[i],
                           NULL) != SQLITE_OK)
      die_of(ledger, texts[i]);
  }
  seed(ledger, accounts);
  return ledger;
}

static int64_t now_micros(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

// The reply for a debit that was not applied: a replay if the key is stored, else a refusal for lack of
// credit.
static struct debit_result stored(struct ledger *ledger, int64_t account, const struct debit *debit) {
  struct debit_result result = {.outcome = DEBIT_REFUSED};
  sqlite3_stmt *statement = ledger->statements[STORED];
  bind_int64(ledger, STORED, 1, account);
  bind_text(ledger, STORED, 2, debit->key);
  if (step(ledger, STORED)) {
    result.outcome = DEBIT_REPLAYED;
    result.sequence = sqlite3_column_int64(statement, 0);
    result.balance_after_micros = sqlite3_column_int64(statement, 1);
    result.version = sqlite3_column_int64(statement, 2);
    result.at_micros = sqlite3_column_int64(statement, 3);
  }
  sqlite3_reset(statement);
  return result;
}

// Inserts the ledger row; false when the key is there already.
static bool insert(struct ledger *ledger, int64_t account, const struct debit *debit,
                   struct debit_result *result) {
  bind_int64(ledger, INSERT, 1, account);
  bind_int64(ledger, INSERT, 2, TYPE_API_USAGE);
  bind_int64(ledger, INSERT, 3, -debit->amount_micros);
  bind_int64(ledger, INSERT, 4, result->balance_after_micros);
  bind_int64(ledger, INSERT, 5, result->version);
  bind_int64(ledger, INSERT, 6, result->at_micros);
  bind_text(ledger, INSERT, 7, debit->key);
  step_once(ledger, INSERT);
  result->sequence = sqlite3_last_insert_rowid(ledger->database);
  return sqlite3_changes(ledger->database) == 1;
}

struct debit_result ledger_debit(struct ledger *ledger, const struct debit *debit) {
  struct debit_result result = {.outcome = DEBIT_REFUSED};
  if (!ledger->in_transaction) {
    step_once(ledger, BEGIN);
    ledger->in_transaction = true;
  }
  sqlite3_stmt *statement = ledger->statements[ACCOUNT];
  bind_text(ledger, ACCOUNT, 1, debit->user);
  bool known = step(ledger, ACCOUNT);
  int64_t account = known ? sqlite3_column_int64(statement, 0) : 0;
  int64_t balance = known ? sqlite3_column_int64(statement, 1) : 0;
  result.version = known ? sqlite3_column_int64(statement, 2) + 1 : 0;
  sqlite3_reset(statement);
  if (!known) return result;
  if (balance < debit->amount_micros) return stored(ledger, account, debit);
  result.balance_after_micros = balance - debit->amount_micros;
  result.at_micros = now_micros();
  if (!insert(ledger, account, debit, &result)) return stored(ledger, account, debit);
  bind_int64(ledger, UPDATE, 1, account);
  bind_int64(ledger, UPDATE, 2, result.balance_after_micros);
  bind_int64(ledger, UPDATE, 3, result.version);
  step_once(ledger, UPDATE);
  result.outcome = DEBIT_APPLIED;
  return result;
}

void ledger_commit(struct ledger *ledger) {
  if (!ledger->in_transaction) return;
  step_once(ledger, COMMIT);
  ledger->in_transaction = false;
}

void ledger_checkpoint(struct ledger *ledger) {
  if (ledger->frames < CHECKPOINT_FRAMES) return;
  int code = sqlite3_wal_checkpoint_v2(ledger->database, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
  if (code != SQLITE_OK) die_of(ledger, "checkpoint");
  ledger->frames = 0;
}

void ledger_close(struct ledger *ledger) {
  ledger_commit(ledger);
  for (int i = 0; i < STATEMENTS; i++) sqlite3_finalize(ledger->statements[i]);
  if (sqlite3_close(ledger->database) != SQLITE_OK) die_of(ledger, "close");
  free(ledger);
}
