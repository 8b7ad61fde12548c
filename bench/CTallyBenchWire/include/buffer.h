// A growing byte buffer, read at its start and written at its end.
//
// Invariants:
// 1. start <= end <= capacity; the unread bytes are bytes[start, end).
// 2. Memory is not freed before buffer_free, since a benchmark's buffers soon stop growing.
//
// Not thread-safe.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buffer {
  uint8_t *bytes;
  size_t start;
  size_t end;
  size_t capacity;
};

// Makes room for `extra` bytes at the end and returns a pointer to it. Exits when out of memory.
uint8_t *buffer_reserve(struct buffer *buffer, size_t extra);

void buffer_free(struct buffer *buffer);

static inline size_t buffer_length(const struct buffer *buffer) { return buffer->end - buffer->start; }

static inline const uint8_t *buffer_front(const struct buffer *buffer) {
  return buffer->bytes + buffer->start;
}

static inline void buffer_take(struct buffer *buffer, size_t length) {
  buffer->start += length;
  if (buffer->start == buffer->end) buffer->start = buffer->end = 0;
}

static inline void buffer_append(struct buffer *buffer, const void *bytes, size_t length) {
  memcpy(buffer_reserve(buffer, length), bytes, length);
  buffer->end += length;
}
