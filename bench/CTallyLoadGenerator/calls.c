// What the calls share: names, and lookups in replies.
#include "calls.h"

uint8_t *put_text(uint8_t *at, uint32_t number, const char *text) {
  return put_bytes(at, number, text, strlen(text));
}

uint8_t *put_name(uint8_t *at, uint32_t number, const char *prefix, uint32_t named) {
  enum { PREFIX_LIMIT_BYTES = 64 };
  char name[PREFIX_LIMIT_BYTES + NAME_DIGITS];
  return put_bytes(at, number, name, numbered_name(prefix, named, name));
}

uint8_t *put_user(uint8_t *at, uint32_t account) { return put_name(at, 1, "user-", account); }

bool names_user(const struct field *field, uint32_t account) {
  char name[ACCOUNT_NAME_BYTES];
  account_name(account, name);
  return field->length == sizeof name && memcmp(field->bytes, name, sizeof name) == 0;
}

bool inner(const struct field *outer, uint32_t number, struct field *found) {
  return fields_find(outer->bytes, outer->length, number, WIRE_BYTES, found);
}

int64_t number_of(const struct field *outer, uint32_t number) {
  struct field found;
  if (!fields_find(outer->bytes, outer->length, number, WIRE_VARINT, &found)) return 0;
  return (int64_t)found.value;
}

int count_of(const struct field *outer, uint32_t number, bool (*each)(const struct field *item)) {
  struct fields fields = fields_of(outer->bytes, outer->length);
  struct field field;
  int count = 0;
  while (fields_next(&fields, &field)) {
    if (field.number != number || field.wire != WIRE_BYTES) continue;
    if (each != NULL && !each(&field)) return -1;
    count++;
  }
  return fields.malformed ? -1 : count;
}
