// ttrpc frames and envelopes.
#include "frame.h"

#include "fields.h"

static uint32_t get_u32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put_u32(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 24);
  at[1] = (uint8_t)(value >> 16);
  at[2] = (uint8_t)(value >> 8);
  at[3] = (uint8_t)value;
}

enum frame_state frame_peek(const struct buffer *in, struct frame *frame) {
  if (buffer_length(in) < FRAME_HEADER_BYTES) return FRAME_PARTIAL;
  const uint8_t *at = buffer_front(in);
  frame->length = get_u32(at);
  frame->stream = get_u32(at + 4);
  frame->type = at[8];
  frame->flags = at[9];
  frame->payload = at + FRAME_HEADER_BYTES;
  if (frame->length > FRAME_LIMIT_BYTES) return FRAME_BROKEN;
  if (buffer_length(in) < FRAME_HEADER_BYTES + frame->length) return FRAME_PARTIAL;
  return FRAME_WHOLE;
}

size_t frame_missing(const struct buffer *in) {
  size_t have = buffer_length(in);
  if (have < FRAME_HEADER_BYTES) return FRAME_HEADER_BYTES - have;
  size_t whole = FRAME_HEADER_BYTES + get_u32(buffer_front(in));
  return have < whole ? whole - have : 0;
}

// Writes the header of a frame that began at `offset` and ends at the buffer's end.
static void close_frame(struct buffer *out, size_t offset, uint32_t stream, uint8_t type) {
  uint8_t *header = out->bytes + offset;
  put_u32(header, (uint32_t)(out->end - offset - FRAME_HEADER_BYTES));
  put_u32(header + 4, stream);
  header[8] = type;
  header[9] = 0;
}

bool request_parse(const struct frame *frame, struct request *request) {
  struct fields fields = fields_of(frame->payload, frame->length);
  struct field field;
  *request = (struct request){0};
  while (fields_next(&fields, &field)) {
    if (field.wire != WIRE_BYTES) continue;
    struct text text = {(const char *)field.bytes, field.length};
    if (field.number == 1)
      request->service = text;
    else if (field.number == 2)
      request->method = text;
    else if (field.number == 3) {
      request->payload = field.bytes;
      request->length = field.length;
    }
  }
  return !fields.malformed;
}

void request_append(struct buffer *out, uint32_t stream, const char *service, const char *method,
                    const uint8_t *payload, size_t length) {
  size_t service_length = strlen(service), method_length = strlen(method);
  size_t room = FRAME_HEADER_BYTES + 3 * FIELD_OVERHEAD_BYTES + service_length + method_length;
  uint8_t *start = buffer_reserve(out, room + length);
  uint8_t *at = start + FRAME_HEADER_BYTES;
  at = put_bytes(at, 1, service, service_length);
  at = put_bytes(at, 2, method, method_length);
  at = put_bytes(at, 3, payload, length);
  size_t offset = out->end;
  out->end += (size_t)(at - start);
  close_frame(out, offset, stream, FRAME_REQUEST);
}

// Any { string type_url=1; bytes value=2; } around ErrorInfo { string reason=1; ... }
static struct text reason_of(const struct field *detail) {
  struct field info, reason;
  if (fields_find(detail->bytes, detail->length, 2, WIRE_BYTES, &info) &&
      fields_find(info.bytes, info.length, 1, WIRE_BYTES, &reason))
    return (struct text){(const char *)reason.bytes, reason.length};
  return (struct text){0};
}

static bool status_parse(const struct field *status, struct response *response) {
  struct fields fields = fields_of(status->bytes, status->length);
  struct field field;
  while (fields_next(&fields, &field)) {
    if (field.number == 1 && field.wire == WIRE_VARINT)
      response->code = (int32_t)field.value;
    else if (field.number == 2 && field.wire == WIRE_BYTES)
      response->message = (struct text){(const char *)field.bytes, field.length};
    else if (field.number == 3 && field.wire == WIRE_BYTES)
      response->reason = reason_of(&field);
  }
  return !fields.malformed;
}

bool response_parse(const struct frame *frame, struct response *response) {
  struct fields fields = fields_of(frame->payload, frame->length);
  struct field field;
  *response = (struct response){0};
  while (fields_next(&fields, &field)) {
    if (field.wire != WIRE_BYTES) continue;
    if (field.number == 1 && !status_parse(&field, response)) return false;
    if (field.number == 2) {
      response->payload = field.bytes;
      response->length = field.length;
    }
  }
  return !fields.malformed;
}

void response_append(struct buffer *out, uint32_t stream, const uint8_t *payload, size_t length) {
  uint8_t *start = buffer_reserve(out, FRAME_HEADER_BYTES + FIELD_OVERHEAD_BYTES + length);
  uint8_t *at = put_bytes(start + FRAME_HEADER_BYTES, 2, payload, length);
  size_t offset = out->end;
  out->end += (size_t)(at - start);
  close_frame(out, offset, stream, FRAME_RESPONSE);
}

void response_append_error(struct buffer *out, uint32_t stream, int32_t code, const char *message) {
  enum { STATUS_LIMIT_BYTES = 512 };
  uint8_t status[STATUS_LIMIT_BYTES];
  size_t length = strnlen(message, STATUS_LIMIT_BYTES - 2 * FIELD_OVERHEAD_BYTES);
  uint8_t *at = put_int64(status, 1, code);
  at = put_bytes(at, 2, message, length);
  size_t status_length = (size_t)(at - status);
  uint8_t *start = buffer_reserve(out, FRAME_HEADER_BYTES + FIELD_OVERHEAD_BYTES + status_length);
  at = put_bytes(start + FRAME_HEADER_BYTES, 1, status, status_length);
  size_t offset = out->end;
  out->end += (size_t)(at - start);
  close_frame(out, offset, stream, FRAME_RESPONSE);
}
