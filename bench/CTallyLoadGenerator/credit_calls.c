// Credit: seeding, debits, holds, reads. Field numbers are those of credits.proto.
#include "calls.h"

enum {
  HOLD_MILLIS = 60000,
  SPENDERS = 10,
  REQUEST_BYTES = 256,
  CONSUME_LIMIT_BYTES = ACCOUNT_NAME_BYTES + KEY_BYTES + 3 * FIELD_OVERHEAD_BYTES,
};

const char credit_service[] = "tallystick.v1.CreditService";

bool moved(const uint8_t *reply, size_t length, int64_t amount) {
  struct field transaction, value;
  return fields_find(reply, length, 1, WIRE_BYTES, &transaction) &&
         fields_find(transaction.bytes, transaction.length, 5, WIRE_VARINT, &value) &&
         (int64_t)value.value == amount;
}

uint8_t *put_seed(struct run *run, struct slot *slot) {
  uint8_t *at = put_user(buffer_reserve(&run->scratch, REQUEST_BYTES), slot->account);
  at = put_bytes(at, 2, slot->key, KEY_BYTES);
  at = put_int64(at, 3, SEEDED_MICROS);
  return put_bytes(at, 5, slot->key, KEY_BYTES);
}

bool seeded(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run, (void)slot;
  return moved(reply, length, SEEDED_MICROS);
}

const struct workload_calls seed_calls = {
    .calls = {{credit_service, "AddPurchase", put_seed, seeded}},
    .count = 1,
};

// ConsumeRequest { string user_id=1; int64 amount_micros=2; string idempotency_key=3; }
static uint8_t *put_debit(uint8_t *at, uint32_t account, int64_t amount, const char *key) {
  at = put_user(at, account);
  at = put_int64(at, 2, amount);
  return put_bytes(at, 3, key, KEY_BYTES);
}

uint8_t *put_consume(struct run *run, struct slot *slot) {
  uint8_t *at = buffer_reserve(&run->scratch, REQUEST_BYTES);
  return put_debit(at, slot->account, slot->amount_micros, slot->key);
}

static bool consumed(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run;
  return moved(reply, length, -slot->amount_micros);
}

const struct workload_calls consume_calls = {
    .calls = {{credit_service, "Consume", put_consume, consumed}},
    .count = 1,
};

// `spender` is its field 7. Spenders are few, as members of a team are.
static uint8_t *put_consume_spender(struct run *run, struct slot *slot) {
  return put_name(put_consume(run, slot), 7, "spender-", random_below(&run->random, SPENDERS));
}

const struct workload_calls consume_spender_calls = {
    .calls = {{credit_service, "Consume", put_consume_spender, consumed}},
    .count = 1,
};

static uint8_t *put_batch(struct run *run, struct slot *slot) {
  uint32_t items = run->options.items;
  uint8_t *at = buffer_reserve(&run->scratch, (size_t)items * (CONSUME_LIMIT_BYTES + FIELD_OVERHEAD_BYTES));
  for (uint32_t i = 0; i < items; i++) {
    uint8_t item[CONSUME_LIMIT_BYTES];
    char key[KEY_BYTES];
    make_key(&run->random, run->options.ordered_keys, key);
    uint32_t account = run->options.first + random_below(&run->random, run->options.accounts);
    const uint8_t *end = put_debit(item, account, slot->amount_micros, key);
    at = put_bytes(at, 1, item, (size_t)(end - item));
  }
  return at;
}

// BatchConsumeResponse { repeated ConsumeResult results=1; }, ConsumeResult { applied=1; error=2; }
static bool batch_applied(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  struct fields fields = fields_of(reply, length);
  struct field result, applied;
  uint32_t count = 0;
  while (fields_next(&fields, &result)) {
    if (result.number != 1 || result.wire != WIRE_BYTES) continue;
    if (!fields_find(result.bytes, result.length, 1, WIRE_BYTES, &applied) ||
        !moved(applied.bytes, applied.length, -slot->amount_micros))
      return false;
    count++;
  }
  return !fields.malformed && count == run->options.items;
}

const struct workload_calls batch_calls = {
    .calls = {{credit_service, "BatchConsume", put_batch, batch_applied}},
    .count = 1,
};

static uint8_t *put_reserve(struct run *run, struct slot *slot) {
  uint8_t *at = put_user(buffer_reserve(&run->scratch, REQUEST_BYTES), slot->account);
  at = put_int64(at, 2, slot->amount_micros);
  at = put_int64(at, 3, HOLD_MILLIS);
  return put_bytes(at, 5, slot->key, KEY_BYTES);
}

// ReserveResponse { transaction=1; balance=2; Hold hold=6; }, Hold { string hold_id=1; }
static bool take_hold(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run;
  struct field hold, id;
  if (!fields_find(reply, length, 6, WIRE_BYTES, &hold) || !inner(&hold, 1, &id) || id.length == 0 ||
      id.length > NAMED_ID_LIMIT_BYTES)
    return false;
  memcpy(slot->named_id, id.bytes, id.length);
  slot->named_id_length = id.length;
  return true;
}

static uint8_t *put_capture(struct run *run, struct slot *slot) {
  make_key(&run->random, run->options.ordered_keys, slot->key);
  uint8_t *at = buffer_reserve(&run->scratch, REQUEST_BYTES);
  at = put_bytes(at, 1, slot->named_id, slot->named_id_length);
  at = put_int64(at, 2, slot->amount_micros / 2);
  return put_bytes(at, 3, slot->key, KEY_BYTES);
}

static bool captured(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run;
  return moved(reply, length, -(slot->amount_micros / 2));
}

const struct workload_calls hold_calls = {
    .calls = {{credit_service, "Reserve", put_reserve, take_hold},
              {credit_service, "Capture", put_capture, captured}},
    .count = 2,
};

static uint8_t *put_balance(struct run *run, struct slot *slot) {
  return put_user(buffer_reserve(&run->scratch, REQUEST_BYTES), slot->account);
}

// GetBalanceResponse { Balance balance=1; }, Balance { string user_id=1; int64 posted_micros=2; }
static bool balance_read(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run;
  struct field balance, user;
  return fields_find(reply, length, 1, WIRE_BYTES, &balance) && inner(&balance, 1, &user) &&
         names_user(&user, slot->account) && number_of(&balance, 2) > 0;
}

const struct workload_calls balance_calls = {
    .calls = {{credit_service, "GetBalance", put_balance, balance_read}},
    .count = 1,
};

static uint8_t *put_check(struct run *run, struct slot *slot) {
  uint8_t *at = put_user(buffer_reserve(&run->scratch, REQUEST_BYTES), slot->account);
  return put_int64(at, 2, slot->amount_micros);
}

// CheckBalanceResponse { bool allowed=1; int64 available_micros=2; int64 remaining_micros=3; }
static bool checked(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run;
  struct field whole = {.bytes = reply, .length = length};
  return number_of(&whole, 1) == 1 && number_of(&whole, 2) - number_of(&whole, 3) == slot->amount_micros;
}

const struct workload_calls check_calls = {
    .calls = {{credit_service, "CheckBalance", put_check, checked}},
    .count = 1,
};
