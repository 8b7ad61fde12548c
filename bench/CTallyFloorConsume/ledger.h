// The floor's ledger: a balance that cannot go below zero, a row for each debit, unique keys.
//
// It has the same kind of indexes as the product (unique on key and account; account and sequence), but no
// lots, no request digests and no hash chain.
//
// Invariants:
// 1. A debit and its balance are written in one transaction; a commit returns after the sync.
// 2. A key that is used again changes nothing and returns what is stored.
// 3. Any other failure of SQLite ends the program: this is a floor, not a server.
#pragma once

#include <stdint.h>

#include "frame.h"

struct ledger;

// tallystick.v1.TransactionType's number for a debit.
enum { TYPE_API_USAGE = 6 };

struct debit {
  struct text user;
  struct text key;
  int64_t amount_micros;
};

enum debit_outcome { DEBIT_APPLIED, DEBIT_REPLAYED, DEBIT_REFUSED };

struct debit_result {
  enum debit_outcome outcome;
  int64_t sequence;
  int64_t balance_after_micros;
  int64_t version;
  int64_t at_micros;
};

// Opens or makes the database at `path`, with at least `accounts` seeded accounts.
struct ledger *ledger_open(const char *path, uint32_t accounts);

// Opens a transaction if none is open, and debits.
struct debit_result ledger_debit(struct ledger *ledger, const struct debit *debit);

// Commits the debits since the last commit, if there are any.
void ledger_commit(struct ledger *ledger);

// Makes a checkpoint when the log has grown. Call it when nobody waits for a reply.
void ledger_checkpoint(struct ledger *ledger);

void ledger_close(struct ledger *ledger);
