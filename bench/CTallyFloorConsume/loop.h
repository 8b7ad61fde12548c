// The same debits without a socket, which shows how fast SQLite alone is.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ledger.h"

struct loop_options {
  uint32_t accounts;
  uint32_t group;  // debits a commit
  bool ordered_keys;
  double seconds;
};

// Prints one line of JSON: {"operations":..,"seconds":..,"per_second":..}.
void loop_run(struct ledger *ledger, const struct loop_options *options);
