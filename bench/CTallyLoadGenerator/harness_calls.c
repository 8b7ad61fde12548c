// What tests do in between: reset, save and restore. Reset and restore undo a purchase, which is not timed.
// Field numbers are those of testing.proto.
#include "calls.h"

static const char test_control[] = "tallystick.testing.v1.TestControl";
static const char snapshot_name[] = "bench";

enum { REQUEST_BYTES = 64 };

// ResetRequest {}
static uint8_t *put_reset(struct run *run, struct slot *slot) {
  (void)slot;
  return buffer_reserve(&run->scratch, REQUEST_BYTES);
}

// SaveSnapshotRequest { string name=1; }, and RestoreSnapshotRequest is the same
static uint8_t *put_snapshot(struct run *run, struct slot *slot) {
  (void)slot;
  return put_text(buffer_reserve(&run->scratch, REQUEST_BYTES), 1, snapshot_name);
}

static bool committed(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run, (void)slot;
  struct field sequence;
  return fields_find(reply, length, 1, WIRE_VARINT, &sequence) && sequence.value > 0;
}

const struct workload_calls reset_calls = {
    .calls = {{credit_service, "AddPurchase", put_seed, seeded},
              {test_control, "Reset", put_reset, committed}},
    .count = 2,
    .timed_from = 1,
};

const struct workload_calls save_snapshot_calls = {
    .calls = {{test_control, "SaveSnapshot", put_snapshot, committed}},
    .count = 1,
};

const struct workload_calls restore_snapshot_calls = {
    .calls = {{credit_service, "AddPurchase", put_seed, seeded},
              {test_control, "RestoreSnapshot", put_snapshot, committed}},
    .count = 2,
    .timed_from = 1,
};
