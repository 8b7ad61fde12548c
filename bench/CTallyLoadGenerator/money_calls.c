// Money back and the past: refunds, reversals, balances at a past time. Field numbers are those of
// credits.proto.
#include <time.h>

#include "calls.h"

enum { REQUEST_BYTES = 256, REVERSED_MICROS = 1000000, ON_SHORTFALL_OWE = 3 };

// AddPurchase of a small amount; the payment is as unique as the key.
static uint8_t *put_purchase(struct run *run, struct slot *slot) {
  uint8_t *at = put_user(buffer_reserve(&run->scratch, REQUEST_BYTES), slot->account);
  memcpy(slot->named_id, slot->key, KEY_BYTES);
  at = put_bytes(at, 2, slot->key, KEY_BYTES);
  at = put_int64(at, 3, REVERSED_MICROS);
  return put_bytes(at, 5, slot->key, KEY_BYTES);
}

static bool purchased(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run, (void)slot;
  return moved(reply, length, REVERSED_MICROS);
}

// ReversePurchaseRequest { payment_id=1; event_id=3; on_shortfall=4; idempotency_key=5; } The consumes of the
// same run may have spent of the purchase: what is short is owed.
static uint8_t *put_reverse(struct run *run, struct slot *slot) {
  make_key(&run->random, run->options.ordered_keys, slot->key);
  uint8_t *at = buffer_reserve(&run->scratch, REQUEST_BYTES);
  at = put_bytes(at, 1, slot->named_id, KEY_BYTES);
  at = put_bytes(at, 3, slot->key, KEY_BYTES);
  at = put_int64(at, 4, ON_SHORTFALL_OWE);
  return put_bytes(at, 5, slot->key, KEY_BYTES);
}

// Transaction { int64 asked_micros=31; }
static bool reversed(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run, (void)slot;
  struct field transaction;
  return fields_find(reply, length, 1, WIRE_BYTES, &transaction) &&
         number_of(&transaction, 31) == REVERSED_MICROS;
}

const struct workload_calls reverse_calls = {
    .calls = {{credit_service, "AddPurchase", put_purchase, purchased},
              {credit_service, "ReversePurchase", put_reverse, reversed}},
    .count = 2,
    .timed_from = 1,
};

// Transaction { string transaction_id=2; }
static bool take_transaction(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run;
  struct field transaction, id;
  if (!fields_find(reply, length, 1, WIRE_BYTES, &transaction) || !inner(&transaction, 2, &id) ||
      id.length == 0 || id.length > NAMED_ID_LIMIT_BYTES)
    return false;
  memcpy(slot->named_id, id.bytes, id.length);
  slot->named_id_length = id.length;
  return true;
}

// RefundRequest { transaction_id=1; idempotency_key=3; }
static uint8_t *put_refund(struct run *run, struct slot *slot) {
  make_key(&run->random, run->options.ordered_keys, slot->key);
  uint8_t *at = buffer_reserve(&run->scratch, REQUEST_BYTES);
  at = put_bytes(at, 1, slot->named_id, slot->named_id_length);
  return put_bytes(at, 3, slot->key, KEY_BYTES);
}

static bool refunded(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run;
  return moved(reply, length, slot->amount_micros);
}

const struct workload_calls refund_calls = {
    .calls = {{credit_service, "Consume", put_consume, take_transaction},
              {credit_service, "Refund", put_refund, refunded}},
    .count = 2,
    .timed_from = 1,
};

// GetBalanceRequest { user_id=1; int64 at_micros=2; }
static uint8_t *put_balance_at(struct run *run, struct slot *slot) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  int64_t micros = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
  uint32_t back_millis = random_below(&run->random, (uint32_t)(run->options.history * 1000) + 1);
  uint8_t *at = put_user(buffer_reserve(&run->scratch, REQUEST_BYTES), slot->account);
  return put_int64(at, 2, micros - (int64_t)back_millis * 1000);
}

static bool past_balance_read(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run;
  struct field balance, user;
  return fields_find(reply, length, 1, WIRE_BYTES, &balance) && inner(&balance, 1, &user) &&
         names_user(&user, slot->account);
}

const struct workload_calls balance_at_calls = {
    .calls = {{credit_service, "GetBalance", put_balance_at, past_balance_read}},
    .count = 1,
};
