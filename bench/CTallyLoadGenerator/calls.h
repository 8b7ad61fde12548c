// The calls of each workload to a ttrpc server, and the checks of their replies.
//
// Invariants:
// 1. A call counts only if its reply has the right contents.
#pragma once

#include "fields.h"
#include "run.h"

struct call {
  const char *service;
  const char *method;
  // Writes the request to the run's scratch buffer, at its start; returns its end.
  uint8_t *(*put)(struct run *run, struct slot *slot);
  bool (*verified)(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length);
};

enum { CALLS_LIMIT = 2 };

struct workload_calls {
  struct call calls[CALLS_LIMIT];
  unsigned count;
  unsigned timed_from;  // the call that starts the clock
};

extern const struct workload_calls consume_calls, consume_spender_calls, batch_calls, hold_calls,
    balance_calls, check_calls;
extern const struct workload_calls refund_calls, reverse_calls, balance_at_calls;
extern const struct workload_calls run_calls, page_calls, save_calls, stats_calls, stats_cold_calls,
    stats_groups_calls, users_calls, usage_calls;
extern const struct workload_calls reset_calls, save_snapshot_calls, restore_snapshot_calls;
extern const struct workload_calls seed_calls, seed_plan_calls, seed_settings_calls, seed_runs_calls,
    seed_media_calls, seed_pages_calls, seed_texts_calls;
extern const struct workload_calls search_word_calls, search_prefix_calls, search_phrase_calls,
    save_text_calls, save_settings_calls;

// How many operations make the data; 0 for a workload that makes none.
uint64_t seed_operations(const struct options *options);

extern const char credit_service[], usage_service[], page_service[], admin_service[];

// AddPurchase; the payment is as unique as the key.
uint8_t *put_seed(struct run *run, struct slot *slot);
bool seeded(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length);

// Consume.
uint8_t *put_consume(struct run *run, struct slot *slot);

// A reply's `transaction` (field 1) has moved exactly this amount (field 5).
bool moved(const uint8_t *reply, size_t length, int64_t amount);

uint8_t *put_text(uint8_t *at, uint32_t number, const char *text);
uint8_t *put_name(uint8_t *at, uint32_t number, const char *prefix, uint32_t named);

// The user's id, under field 1 of nearly every request.
uint8_t *put_user(uint8_t *at, uint32_t account);

// The field is the text of this account's name.
bool names_user(const struct field *field, uint32_t account);

// A message in a field of another one.
bool inner(const struct field *outer, uint32_t number, struct field *found);

// A number; 0 when it is absent.
int64_t number_of(const struct field *outer, uint32_t number);

// How many fields of this number a message has; -1 when it is malformed or `each` refuses one.
int count_of(const struct field *outer, uint32_t number, bool (*each)(const struct field *item));
