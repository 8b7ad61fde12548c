// The part of PostgreSQL's wire protocol, version 3, that prepared statements with binary parameters need.
//
// Message: u8 type, u32 length (itself included), body; big-endian. The start-up has no type.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

enum { POSTGRES_HEADER_BYTES = 5 };

void postgres_put_u16(struct buffer *out, uint16_t value);
void postgres_put_u32(struct buffer *out, uint32_t value);
void postgres_put_text(struct buffer *out, const char *text);  // with its terminator
uint32_t postgres_get_u32(const uint8_t *at);
int64_t postgres_get_int64(const uint8_t *at);

// Opens a message; the returned offset from the buffer's unread start closes it. Type 0 is the start-up.
size_t postgres_begin(struct buffer *out, char type);
void postgres_end(struct buffer *out, size_t offset);
void postgres_put_empty(struct buffer *out, char type);

// Bind of the prepared statement to the unnamed portal, up to its parameters; all formats binary.
size_t postgres_begin_bind(struct buffer *out, const char *statement, uint16_t parameters);
void postgres_end_bind_and_execute(struct buffer *out, size_t offset);

// Parameters.
void postgres_put_bytes(struct buffer *out, const char *bytes, size_t length);
void postgres_put_int64(struct buffer *out, int64_t value);
// Of text[]: the head, then each element by postgres_put_bytes. The returned offset closes it.
size_t postgres_begin_array(struct buffer *out, uint32_t count);
void postgres_end_array(struct buffer *out, size_t offset);

// Reads the message at the front of the buffer without removing it; false when it is not whole.
bool postgres_peek(const struct buffer *in, char *type, const uint8_t **body, size_t *length);
