// Writes requests of the echo and checks replies.
#include "echo.h"

#include "fields.h"

size_t echo_put(struct run *run, const struct slot *slot) {
  uint32_t length = run->options.payload;
  uint8_t *start = buffer_reserve(&run->scratch, length + 2 * FIELD_OVERHEAD_BYTES);
  uint8_t *at = put_int64(start, 2, slot->amount_micros);
  at = put_varint(at, 3 << 3 | WIRE_BYTES);
  at = put_varint(at, length);
  memset(at, 'x', length);
  return (size_t)(at - start) + length;
}

bool echo_matches(const struct run *run, const struct slot *slot, const uint8_t *reply, size_t length) {
  struct field number, body = {0};
  return fields_find(reply, length, 2, WIRE_VARINT, &number) &&
         (int64_t)number.value == slot->amount_micros &&
         (fields_find(reply, length, 3, WIRE_BYTES, &body) || run->options.payload == 0) &&
         body.length == run->options.payload;
}
