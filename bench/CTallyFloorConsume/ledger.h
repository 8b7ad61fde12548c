// The floor's ledger: a balance that cannot go below zero, a row for each debit, unique keys.
//
// 1. A debit and its balance are written in one transaction; a commit returns after the sync.
// 2. The same key again changes nothing and answers what is stored.
// 3. Any other failure of SQLite ends the program: this is a floor, not a server.
// It has ordinary indexes (unique on key and account; account and sequence), as the first step of the
// product has, and leaves out what the product adds: lots, request digests and the hash chain.
// Owner: the one thread of the program.
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

// Commits what was debited since the last commit, if anything.
void ledger_commit(struct ledger *ledger);

// Moves the log into the database when it has grown. Call it when nobody waits.
void ledger_checkpoint(struct ledger *ledger);

void ledger_close(struct ledger *ledger);
