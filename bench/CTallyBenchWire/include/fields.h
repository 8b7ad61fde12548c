// The part of protobuf's wire format that the benchmarks write and read.
//
// Writers append to a pointer and return the next one; the caller has made room: a varint takes at
// most 10 bytes, a tag at most 2 (field numbers here are below 2,048).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

// The most bytes of a tag with a length or a number.
enum { FIELD_OVERHEAD_BYTES = 12 };

static inline uint8_t *put_varint(uint8_t *at, uint64_t value) {
  while (value >= 0x80) {
    *at++ = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  *at++ = (uint8_t)value;
  return at;
}

static inline uint8_t *put_int64(uint8_t *at, uint32_t number, int64_t value) {
  at = put_varint(at, number << 3 | WIRE_VARINT);
  return put_varint(at, (uint64_t)value);
}

static inline uint8_t *put_bytes(uint8_t *at, uint32_t number, const void *bytes, size_t length) {
  at = put_varint(at, number << 3 | WIRE_BYTES);
  at = put_varint(at, length);
  memcpy(at, bytes, length);
  return at + length;
}

// One field: `value` for a number, `bytes` and `length` for all other types.
struct field {
  uint32_t number;
  uint32_t wire;
  uint64_t value;
  const uint8_t *bytes;
  size_t length;
};

// The unread part of a message. `malformed` is set by the read that failed.
struct fields {
  const uint8_t *at;
  const uint8_t *end;
  bool malformed;
};

static inline struct fields fields_of(const uint8_t *bytes, size_t length) {
  return (struct fields){.at = bytes, .end = bytes + length};
}

// Reads the next field; false at the end and on malformed input.
bool fields_next(struct fields *fields, struct field *field);

// Finds the last field of that number and wire type; false when there is none.
bool fields_find(const uint8_t *bytes, size_t length, uint32_t number, uint32_t wire, struct field *found);
