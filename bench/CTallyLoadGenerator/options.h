// The options of a run.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum workload {
  WORKLOAD_ECHO,              // ttrpc, grpc: a round trip of `payload` bytes
  WORKLOAD_SEED,              // gives each account its credit, once; no time limit
  WORKLOAD_CONSUME,           // one debit
  WORKLOAD_CONSUME_SPENDER,   // ttrpc: one debit by one of the account's spenders
  WORKLOAD_BATCH,             // ttrpc: BatchConsume of `items` debits
  WORKLOAD_HOLD,              // ttrpc: Reserve, then Capture of half of it; one operation is the pair
  WORKLOAD_BALANCE,           // one balance read
  WORKLOAD_BALANCE_AT,        // ttrpc: one balance at a time in the last `history` seconds
  WORKLOAD_REFUND,            // ttrpc: the whole of a debit, which is not timed
  WORKLOAD_REVERSE,           // ttrpc: the whole of a purchase, which is not timed
  WORKLOAD_RUN,               // BeginRun, then FinishRun that costs half of the estimate; the pair
  WORKLOAD_CHECK,             // one credit check
  WORKLOAD_PAGE,              // a page with its sections and both images of each
  WORKLOAD_SAVE,              // all sections of a page anew; the read of its version before is not timed
  WORKLOAD_SEARCH_WORD,       // ttrpc: one user's pages by a word
  WORKLOAD_SEARCH_PREFIX,     // ttrpc: by the beginning of a word
  WORKLOAD_SEARCH_PHRASE,     // ttrpc: by two words that follow each other
  WORKLOAD_SAVE_TEXT,         // ttrpc: a page's text anew; the read of its version before is not timed
  WORKLOAD_SAVE_SETTINGS,     // ttrpc: the same with as many bytes of settings, which are not searched
  WORKLOAD_STATS,             // the dashboard of a user's last 30 days
  WORKLOAD_STATS_COLD,        // ttrpc: the same, after a run was recorded, which is not timed
  WORKLOAD_STATS_GROUPS,      // ttrpc: the same again, by spender and by a tag too
  WORKLOAD_USERS,             // the admin's list of the `items` newest users
  WORKLOAD_USAGE,             // the month's usage of `items` users
  WORKLOAD_RESET,             // ttrpc: empties the database, with a purchase in it that is not timed
  WORKLOAD_SAVE_SNAPSHOT,     // ttrpc: copies the database into memory
  WORKLOAD_RESTORE_SNAPSHOT,  // ttrpc: puts it back, after a purchase that is not timed

  // Data: everything once, no time limit. PostgreSQL makes it by generate_series.
  WORKLOAD_SEED_PLAN,      // the plan of all users
  WORKLOAD_SEED_SETTINGS,  // the users, in order
  WORKLOAD_SEED_RUNS,      // `runs` of them, over the last 29 days
  WORKLOAD_SEED_MEDIA,     // each account the uploads that its page shows
  WORKLOAD_SEED_PAGES,     // each account a page
  WORKLOAD_SEED_TEXTS,     // ttrpc: pages of text, all of them one user's
  WORKLOADS,
};

enum target { TARGET_TTRPC, TARGET_GRPC, TARGET_POSTGRES, TARGET_REDIS };

enum form {
  FORM_STATEMENT,  // postgres: in one statement, or as few as it takes
  FORM_ORM,        // postgres: as an object mapper sends it
};

struct options {
  enum target target;
  enum workload workload;
  enum form form;
  const char *socket;
  uint32_t connections;
  uint32_t depth;     // calls in flight on each connection
  uint32_t first;     // number of the first account
  uint32_t accounts;  // how many from there; 1 is the hot account
  uint32_t items;     // debits in a batch, users in a list
  uint32_t payload;   // bytes of an echo
  uint32_t runs;      // to be made, or to be found at least
  const char *zone;   // of the dashboard's days
  bool ordered_keys;
  double seconds;
  double warmup;
  double history;
  uint32_t rate;        // operations begun a second, whatever comes back; 0 is a closed loop
  uint64_t operations;  // stop after so many; 0 is no limit
  int cpu;              // -1 is any
};

// Exits with the usage text when an argument is not understood.
struct options options_parse(int count, char **arguments);
