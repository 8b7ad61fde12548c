// Debits in groups, as fast as the ledger takes them.
#include "loop.h"

#include <stdio.h>

#include "die.h"
#include "keys.h"

enum { AMOUNT_LIMIT_MICROS = 100 };

static void debit_one(struct ledger *ledger, struct random *random, const struct loop_options *options) {
  char name[ACCOUNT_NAME_BYTES], key[KEY_BYTES];
  account_name(random_below(random, options->accounts), name);
  make_key(random, options->ordered_keys, key);
  struct debit debit = {
      .user = {name, sizeof name},
      .key = {key, sizeof key},
      .amount_micros = 1 + random_below(random, AMOUNT_LIMIT_MICROS),
  };
  if (ledger_debit(ledger, &debit).outcome != DEBIT_APPLIED) die("a debit was not applied");
}

void loop_run(struct ledger *ledger, const struct loop_options *options) {
  struct random random = random_make();
  uint64_t started = now_nanoseconds(), operations = 0;
  double seconds = 0;
  while (seconds < options->seconds) {
    for (uint32_t i = 0; i < options->group; i++) debit_one(ledger, &random, options);
    ledger_commit(ledger);
    ledger_checkpoint(ledger);
    operations += options->group;
    seconds = (double)(now_nanoseconds() - started) / 1e9;
  }
  printf("{\"operations\":%llu,\"seconds\":%.3f,\"per_second\":%.1f}\n", (unsigned long long)operations,
         seconds, (double)operations / seconds);
}
