// Writes and reads PostgreSQL's messages.
#include "postgres_message.h"

enum { TEXT_OID = 25 };

static void put_u8(struct buffer *out, uint8_t value) { buffer_append(out, &value, 1); }

void postgres_put_u16(struct buffer *out, uint16_t value) {
  uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
  buffer_append(out, bytes, sizeof bytes);
}

void postgres_put_u32(struct buffer *out, uint32_t value) {
  postgres_put_u16(out, (uint16_t)(value >> 16));
  postgres_put_u16(out, (uint16_t)value);
}

void postgres_put_text(struct buffer *out, const char *text) { buffer_append(out, text, strlen(text) + 1); }

uint32_t postgres_get_u32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

int64_t postgres_get_int64(const uint8_t *at) {
  return (int64_t)((uint64_t)postgres_get_u32(at) << 32 | postgres_get_u32(at + 4));
}

// Writes the length of what follows, and of itself if asked.
static void close_length(struct buffer *out, size_t offset, size_t itself) {
  uint32_t length = (uint32_t)(buffer_length(out) - offset - itself);
  uint8_t *at = out->bytes + out->start + offset;
  for (int i = 0; i < 4; i++) at[i] = (uint8_t)(length >> (24 - 8 * i));
}

size_t postgres_begin(struct buffer *out, char type) {
  if (type != 0) put_u8(out, (uint8_t)type);
  size_t offset = buffer_length(out);
  postgres_put_u32(out, 0);
  return offset;
}

void postgres_end(struct buffer *out, size_t offset) { close_length(out, offset, 0); }

void postgres_put_empty(struct buffer *out, char type) { postgres_end(out, postgres_begin(out, type)); }

size_t postgres_begin_bind(struct buffer *out, const char *statement, uint16_t parameters) {
  size_t offset = postgres_begin(out, 'B');
  postgres_put_text(out, "");
  postgres_put_text(out, statement);
  postgres_put_u16(out, 1);
  postgres_put_u16(out, 1);
  postgres_put_u16(out, parameters);
  return offset;
}

void postgres_end_bind_and_execute(struct buffer *out, size_t offset) {
  postgres_put_u16(out, 1);
  postgres_put_u16(out, 1);
  postgres_end(out, offset);
  offset = postgres_begin(out, 'E');
  postgres_put_text(out, "");
  postgres_put_u32(out, 0);  // all rows
  postgres_end(out, offset);
  postgres_put_empty(out, 'S');
}

void postgres_put_bytes(struct buffer *out, const char *bytes, size_t length) {
  postgres_put_u32(out, (uint32_t)length);
  buffer_append(out, bytes, length);
}

void postgres_put_int64(struct buffer *out, int64_t value) {
  postgres_put_u32(out, sizeof value);
  postgres_put_u32(out, (uint32_t)((uint64_t)value >> 32));
  postgres_put_u32(out, (uint32_t)value);
}

size_t postgres_begin_array(struct buffer *out, uint32_t count) {
  size_t offset = buffer_length(out);
  postgres_put_u32(out, 0);
  postgres_put_u32(out, 1);  // dimensions
  postgres_put_u32(out, 0);  // none of them null
  postgres_put_u32(out, TEXT_OID);
  postgres_put_u32(out, count);
  postgres_put_u32(out, 1);  // the first index
  return offset;
}

void postgres_end_array(struct buffer *out, size_t offset) { close_length(out, offset, sizeof(uint32_t)); }

bool postgres_peek(const struct buffer *in, char *type, const uint8_t **body, size_t *length) {
  if (buffer_length(in) < POSTGRES_HEADER_BYTES) return false;
  const uint8_t *at = buffer_front(in);
  *type = (char)at[0];
  *body = at + POSTGRES_HEADER_BYTES;
  *length = postgres_get_u32(at + 1) - 4;
  return buffer_length(in) >= POSTGRES_HEADER_BYTES + *length;
}
