// A growing byte buffer.
#include "buffer.h"

#include <stdlib.h>

#include "die.h"

enum { SMALLEST_BYTES = 4096 };

uint8_t *buffer_reserve(struct buffer *buffer, size_t extra) {
  if (buffer->capacity - buffer->end >= extra) return buffer->bytes + buffer->end;
  size_t length = buffer_length(buffer);
  if (buffer->start > 0) {
    memmove(buffer->bytes, buffer->bytes + buffer->start, length);
    buffer->start = 0;
    buffer->end = length;
  }
  if (buffer->capacity - length < extra) {
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : SMALLEST_BYTES;
    while (capacity - length < extra) capacity *= 2;
    uint8_t *bytes = realloc(buffer->bytes, capacity);
    if (bytes == NULL) die("out of memory at %zu bytes", capacity);
    buffer->bytes = bytes;
    buffer->capacity = capacity;
  }
  return buffer->bytes + buffer->end;
}

void buffer_free(struct buffer *buffer) {
  free(buffer->bytes);
  *buffer = (struct buffer){0};
}
