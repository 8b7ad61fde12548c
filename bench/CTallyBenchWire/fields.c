// Reads protobuf fields in place.
#include "fields.h"

static bool take_varint(struct fields *fields, uint64_t *value) {
  uint64_t result = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (fields->at == fields->end) return false;
    uint8_t byte = *fields->at++;
    result |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = result;
      return true;
    }
  }
  return false;
}

static bool take_block(struct fields *fields, uint64_t length, struct field *field) {
  if (length > (uint64_t)(fields->end - fields->at)) return false;
  field->bytes = fields->at;
  field->length = (size_t)length;
  fields->at += length;
  return true;
}

static bool take_value(struct fields *fields, struct field *field) {
  uint64_t length;
  switch (field->wire) {
    case WIRE_VARINT:
      return take_varint(fields, &field->value);
    case WIRE_BYTES:
      return take_varint(fields, &length) && take_block(fields, length, field);
    case WIRE_FIXED64:
      return take_block(fields, 8, field);
    case WIRE_FIXED32:
      return take_block(fields, 4, field);
    default:
      return false;
  }
}

bool fields_next(struct fields *fields, struct field *field) {
  if (fields->at == fields->end) return false;
  uint64_t tag;
  *field = (struct field){0};
  if (take_varint(fields, &tag)) {
    field->number = (uint32_t)(tag >> 3);
    field->wire = (uint32_t)(tag & 7);
    if (take_value(fields, field)) return true;
  }
  fields->malformed = true;
  return false;
}

bool fields_find(const uint8_t *bytes, size_t length, uint32_t number, uint32_t wire, struct field *found) {
  struct fields fields = fields_of(bytes, length);
  struct field field;
  bool any = false;
  while (fields_next(&fields, &field)) {
    if (field.number != number || field.wire != wire) continue;
    *found = field;
    any = true;
  }
  return any && !fields.malformed;
}
