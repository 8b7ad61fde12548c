// The calls to a ttrpc server: `tally`, the floors and other ttrpc peers.
//
// A call's stream id is odd and names its slot: 2 * (round * stride + slot) + 1, where stride is
// the depth rounded up to a power of two, so that it stays true when the id wraps.
#include <stdio.h>

#include "die.h"
#include "echo.h"
#include "fields.h"
#include "frame.h"
#include "run.h"

static const char credits[] = "tallystick.v1.CreditService";
static const char conformance[] = "tallystick.testing.v1.Conformance";

enum { HOLD_MILLIS = 60000 };

static uint32_t stride(const struct run *run) {
  uint32_t stride = 1;
  while (stride < run->options.depth) stride *= 2;
  return stride;
}

static void call(struct run *run, struct connection *connection, const struct slot *slot, const char *service,
                 const char *method, const uint8_t *end) {
  uint32_t stream = 2 * (connection->next_round++ * stride(run) + slot->index) + 1;
  size_t length = (size_t)(end - run->scratch.bytes);
  request_append(&connection->out, stream, service, method, run->scratch.bytes, length);
}

static uint8_t *put_user(uint8_t *at, uint32_t account) {
  char name[ACCOUNT_NAME_BYTES];
  account_name(account, name);
  return put_bytes(at, 1, name, sizeof name);
}

enum { CONSUME_LIMIT_BYTES = ACCOUNT_NAME_BYTES + KEY_BYTES + 3 * FIELD_OVERHEAD_BYTES };

// ConsumeRequest { string user_id=1; int64 amount_micros=2; string idempotency_key=3; }
static uint8_t *put_consume(uint8_t *at, uint32_t account, int64_t amount, const char *key) {
  at = put_user(at, account);
  at = put_int64(at, 2, amount);
  return put_bytes(at, 3, key, KEY_BYTES);
}

static void send_batch(struct run *run, struct connection *connection, struct slot *slot) {
  uint32_t items = run->options.items;
  uint8_t *at = buffer_reserve(&run->scratch, (size_t)items * (CONSUME_LIMIT_BYTES + FIELD_OVERHEAD_BYTES));
  for (uint32_t i = 0; i < items; i++) {
    uint8_t item[CONSUME_LIMIT_BYTES];
    char key[KEY_BYTES];
    make_key(&run->random, run->options.ordered_keys, key);
    uint32_t account = random_below(&run->random, run->options.accounts);
    const uint8_t *end = put_consume(item, account, slot->amount_micros, key);
    at = put_bytes(at, 1, item, (size_t)(end - item));
  }
  call(run, connection, slot, credits, "BatchConsume", at);
}

static void send_hold(struct run *run, struct connection *connection, struct slot *slot) {
  uint8_t *at = buffer_reserve(&run->scratch, 256);
  if (slot->phase == 0) {
    at = put_user(at, slot->account);
    at = put_int64(at, 2, slot->amount_micros);
    at = put_int64(at, 3, HOLD_MILLIS);
    at = put_bytes(at, 5, slot->key, KEY_BYTES);
    call(run, connection, slot, credits, "Reserve", at);
    return;
  }
  make_key(&run->random, run->options.ordered_keys, slot->key);
  at = put_bytes(at, 1, slot->hold_id, slot->hold_id_length);
  at = put_int64(at, 2, slot->amount_micros / 2);
  at = put_bytes(at, 3, slot->key, KEY_BYTES);
  call(run, connection, slot, credits, "Capture", at);
}

static void send_call(struct run *run, struct connection *connection, struct slot *slot) {
  uint8_t *at = buffer_reserve(&run->scratch, 256);
  switch (run->options.workload) {
    case WORKLOAD_ECHO:
      at += echo_put(run, slot);
      call(run, connection, slot, conformance, "Echo", at);
      break;
    case WORKLOAD_SEED:  // AddPurchase; the payment is as unique as the key
      at = put_user(at, slot->account);
      at = put_bytes(at, 2, slot->key, KEY_BYTES);
      at = put_int64(at, 3, SEEDED_MICROS);
      at = put_bytes(at, 5, slot->key, KEY_BYTES);
      call(run, connection, slot, credits, "AddPurchase", at);
      break;
    case WORKLOAD_CONSUME:
      at = put_consume(at, slot->account, slot->amount_micros, slot->key);
      call(run, connection, slot, credits, "Consume", at);
      break;
    case WORKLOAD_BATCH:
      send_batch(run, connection, slot);
      break;
    case WORKLOAD_HOLD:
      send_hold(run, connection, slot);
      break;
    case WORKLOAD_BALANCE:
      call(run, connection, slot, credits, "GetBalance", put_user(at, slot->account));
      break;
    case WORKLOAD_TRANSACTION:
      die("ttrpc servers have no transaction workload");
  }
}

// A reply's `transaction` (field 1) has moved exactly this amount (field 5).
static bool moved(const uint8_t *reply, size_t length, int64_t amount) {
  struct field transaction, value;
  return fields_find(reply, length, 1, WIRE_BYTES, &transaction) &&
         fields_find(transaction.bytes, transaction.length, 5, WIRE_VARINT, &value) &&
         (int64_t)value.value == amount;
}

// BatchConsumeResponse { repeated ConsumeResult results=1; }, ConsumeResult { applied=1; error=2; }
static bool batch_applied(const struct run *run, const struct response *reply, int64_t amount) {
  struct fields fields = fields_of(reply->payload, reply->length);
  struct field result, applied;
  uint32_t count = 0;
  while (fields_next(&fields, &result)) {
    if (result.number != 1 || result.wire != WIRE_BYTES) continue;
    if (!fields_find(result.bytes, result.length, 1, WIRE_BYTES, &applied) ||
        !moved(applied.bytes, applied.length, -amount))
      return false;
    count++;
  }
  return !fields.malformed && count == run->options.items;
}

// ReserveResponse { transaction=1; balance=2; Hold hold=6; }, Hold { string hold_id=1; }
static bool take_hold(struct slot *slot, const struct response *reply) {
  struct field hold, id;
  if (!fields_find(reply->payload, reply->length, 6, WIRE_BYTES, &hold) ||
      !fields_find(hold.bytes, hold.length, 1, WIRE_BYTES, &id) || id.length == 0 ||
      id.length > HOLD_ID_LIMIT_BYTES)
    return false;
  memcpy(slot->hold_id, id.bytes, id.length);
  slot->hold_id_length = id.length;
  return true;
}

// GetBalanceResponse { Balance balance=1; }, Balance { string user_id=1; int64 posted_micros=2; }
static bool balance_read(const struct slot *slot, const struct response *reply) {
  char name[ACCOUNT_NAME_BYTES];
  account_name(slot->account, name);
  struct field balance, user, posted;
  return fields_find(reply->payload, reply->length, 1, WIRE_BYTES, &balance) &&
         fields_find(balance.bytes, balance.length, 1, WIRE_BYTES, &user) && user.length == sizeof name &&
         memcmp(user.bytes, name, sizeof name) == 0 &&
         fields_find(balance.bytes, balance.length, 2, WIRE_VARINT, &posted) && posted.value > 0;
}

static bool verified(const struct run *run, struct slot *slot, const struct response *reply) {
  int64_t amount = slot->amount_micros;
  switch (run->options.workload) {
    case WORKLOAD_ECHO:
      return echo_matches(run, slot, reply->payload, reply->length);
    case WORKLOAD_SEED:
      return moved(reply->payload, reply->length, SEEDED_MICROS);
    case WORKLOAD_CONSUME:
      return moved(reply->payload, reply->length, -amount);
    case WORKLOAD_BATCH:
      return batch_applied(run, reply, amount);
    case WORKLOAD_HOLD:
      return slot->phase == 0 ? take_hold(slot, reply) : moved(reply->payload, reply->length, -(amount / 2));
    case WORKLOAD_BALANCE:
      return balance_read(slot, reply);
    case WORKLOAD_TRANSACTION:
      return false;
  }
  return false;
}

static void fail(struct run *run, struct connection *connection, struct slot *slot,
                 const struct response *reply) {
  if (reply->reason.length > 0) {
    run_fail(run, connection, slot, reply->reason.bytes, reply->reason.length);
    return;
  }
  char name[ERROR_NAME_LIMIT_BYTES];
  int length = snprintf(name, sizeof name, "code %d: %.*s", reply->code, (int)reply->message.length,
                        reply->message.bytes);
  run_fail(run, connection, slot, name, (size_t)length);
}

static void finish(struct run *run, struct connection *connection, const struct frame *frame) {
  uint32_t index = (frame->stream >> 1) & (stride(run) - 1);
  struct response reply;
  if (index >= run->options.depth) die("a response to stream %u, which was never opened", frame->stream);
  struct slot *slot = &connection->slots[index];
  if (frame->type != FRAME_RESPONSE || !response_parse(frame, &reply))
    die("a frame of type %u that is no response", frame->type);
  if (reply.code != 0)
    fail(run, connection, slot, &reply);
  else if (!verified(run, slot, &reply))
    run_fail(run, connection, slot, "wrong reply", strlen("wrong reply"));
  else if (run->options.workload == WORKLOAD_HOLD && slot->phase++ == 0)
    send_hold(run, connection, slot);
  else
    run_succeed(run, connection, slot);
}

static void receive(struct run *run, struct connection *connection) {
  struct frame frame;
  enum frame_state state;
  while ((state = frame_peek(&connection->in, &frame)) == FRAME_WHOLE) {
    finish(run, connection, &frame);
    frame_take(&connection->in, &frame);
  }
  if (state == FRAME_BROKEN) die("a frame of %zu bytes", frame.length);
}

const struct protocol ttrpc_protocol = {.send = send_call, .receive = receive};
