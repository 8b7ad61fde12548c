// The calls to a ttrpc server: `tally`, the floors and other ttrpc peers.
//
// A call's stream id is odd and tells its slot: 2 * (round * stride + slot) + 1, where stride is the depth
// rounded up to a power of two, so that the slot is right even after the id has wrapped.
#include <stdio.h>

#include "calls.h"
#include "die.h"
#include "echo.h"
#include "frame.h"

static uint8_t *put_echo(struct run *run, struct slot *slot) {
  size_t length = echo_put(run, slot);
  return run->scratch.bytes + length;
}

static bool echoed(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  return echo_matches(run, slot, reply, length);
}

static const struct workload_calls echo_calls = {
    .calls = {{"tallystick.testing.v1.Conformance", "Echo", put_echo, echoed}},
    .count = 1,
};

static const struct workload_calls *calls_of(const struct run *run) {
  static const struct workload_calls *const calls[WORKLOADS] = {
      [WORKLOAD_ECHO] = &echo_calls,
      [WORKLOAD_SEED] = &seed_calls,
      [WORKLOAD_CONSUME] = &consume_calls,
      [WORKLOAD_CONSUME_SPENDER] = &consume_spender_calls,
      [WORKLOAD_BATCH] = &batch_calls,
      [WORKLOAD_HOLD] = &hold_calls,
      [WORKLOAD_BALANCE] = &balance_calls,
      [WORKLOAD_BALANCE_AT] = &balance_at_calls,
      [WORKLOAD_REFUND] = &refund_calls,
      [WORKLOAD_REVERSE] = &reverse_calls,
      [WORKLOAD_RUN] = &run_calls,
      [WORKLOAD_CHECK] = &check_calls,
      [WORKLOAD_PAGE] = &page_calls,
      [WORKLOAD_SAVE] = &save_calls,
      [WORKLOAD_SEARCH_WORD] = &search_word_calls,
      [WORKLOAD_SEARCH_PREFIX] = &search_prefix_calls,
      [WORKLOAD_SEARCH_PHRASE] = &search_phrase_calls,
      [WORKLOAD_SAVE_TEXT] = &save_text_calls,
      [WORKLOAD_SAVE_SETTINGS] = &save_settings_calls,
      [WORKLOAD_STATS] = &stats_calls,
      [WORKLOAD_STATS_COLD] = &stats_cold_calls,
      [WORKLOAD_STATS_GROUPS] = &stats_groups_calls,
      [WORKLOAD_USERS] = &users_calls,
      [WORKLOAD_USAGE] = &usage_calls,
      [WORKLOAD_RESET] = &reset_calls,
      [WORKLOAD_SAVE_SNAPSHOT] = &save_snapshot_calls,
      [WORKLOAD_RESTORE_SNAPSHOT] = &restore_snapshot_calls,
      [WORKLOAD_SEED_PLAN] = &seed_plan_calls,
      [WORKLOAD_SEED_SETTINGS] = &seed_settings_calls,
      [WORKLOAD_SEED_RUNS] = &seed_runs_calls,
      [WORKLOAD_SEED_MEDIA] = &seed_media_calls,
      [WORKLOAD_SEED_PAGES] = &seed_pages_calls,
      [WORKLOAD_SEED_TEXTS] = &seed_texts_calls,
  };
  return calls[run->options.workload];
}

static uint32_t stride(const struct run *run) {
  uint32_t stride = 1;
  while (stride < run->options.depth) stride *= 2;
  return stride;
}

static void send_call(struct run *run, struct connection *connection, struct slot *slot) {
  const struct workload_calls *workload = calls_of(run);
  const struct call *call = &workload->calls[slot->phase];
  size_t length = (size_t)(call->put(run, slot) - run->scratch.bytes);
  if (slot->phase > 0 && slot->phase == workload->timed_from) run_restart_clock(slot);
  uint32_t stream = 2 * (connection->next_round++ * stride(run) + slot->index) + 1;
  request_append(&connection->out, stream, call->service, call->method, run->scratch.bytes, length);
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
  const struct workload_calls *workload = calls_of(run);
  uint32_t index = (frame->stream >> 1) & (stride(run) - 1);
  struct response reply;
  if (index >= run->options.depth) die("a response to stream %u, which was never opened", frame->stream);
  struct slot *slot = &connection->slots[index];
  if (frame->type != FRAME_RESPONSE || !response_parse(frame, &reply))
    die("a frame of type %u that is no response", frame->type);
  if (reply.code != 0)
    fail(run, connection, slot, &reply);
  else if (!workload->calls[slot->phase].verified(run, slot, reply.payload, reply.length))
    run_fail(run, connection, slot, "wrong reply", strlen("wrong reply"));
  else if (++slot->phase < workload->count)
    send_call(run, connection, slot);
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

const struct protocol ttrpc_protocol = {.operations = seed_operations, .send = send_call, .receive = receive};
