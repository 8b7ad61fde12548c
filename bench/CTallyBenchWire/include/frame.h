// ttrpc frames and envelopes of unary calls, for both ends of a benchmark.
//
// Frame: u32 payload length, u32 stream id, u8 type, u8 flags, big-endian, then the payload.
// Request { string service=1; string method=2; bytes payload=3; }
// Response { Status status=1; bytes payload=2; }
// Status { int32 code=1; string message=2; repeated Any details=3; }
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

enum {
  FRAME_HEADER_BYTES = 10,
  FRAME_LIMIT_BYTES = 4 << 20,
  FRAME_REQUEST = 1,
  FRAME_RESPONSE = 2,
};

struct frame {
  uint32_t stream;
  uint8_t type;
  uint8_t flags;
  const uint8_t *payload;
  size_t length;
};

struct text {
  const char *bytes;
  size_t length;
};

static inline bool text_equals(struct text text, const char *other) {
  return text.length == strlen(other) && memcmp(text.bytes, other, text.length) == 0;
}

enum frame_state { FRAME_WHOLE, FRAME_PARTIAL, FRAME_BROKEN };

// Reads the frame at the front of the buffer without removing it. The payload points into the buffer.
enum frame_state frame_peek(const struct buffer *in, struct frame *frame);

// How many bytes of the first frame, or of its header, are still missing. Zero when it is whole.
size_t frame_missing(const struct buffer *in);

// Removes the frame that was peeked.
static inline void frame_take(struct buffer *in, const struct frame *frame) {
  buffer_take(in, FRAME_HEADER_BYTES + frame->length);
}

struct request {
  struct text service;
  struct text method;
  const uint8_t *payload;
  size_t length;
};

// False when the envelope does not parse.
bool request_parse(const struct frame *frame, struct request *request);

// Appends a request frame.
void request_append(struct buffer *out, uint32_t stream, const char *service, const char *method,
                    const uint8_t *payload, size_t length);

struct response {
  int32_t code;
  struct text message;
  struct text reason;  // of the first detail, in the shape of google.rpc.ErrorInfo
  const uint8_t *payload;
  size_t length;
};

bool response_parse(const struct frame *frame, struct response *response);

// Append a response frame: a payload and no status, or a status and no payload.
void response_append(struct buffer *out, uint32_t stream, const uint8_t *payload, size_t length);
void response_append_error(struct buffer *out, uint32_t stream, int32_t code, const char *message);
