// Makes texts of the data set.
#include "data.h"

void make_content(struct random *random, char *content) {
  static const char head[] = "{\"text\":\"";
  static const char tail[] = "\"}";
  size_t at = sizeof head - 1;
  memcpy(content, head, at);
  make_key(random, true, content + at);
  at += KEY_BYTES;
  memset(content + at, 'x', CONTENT_BYTES - at);
  memcpy(content + CONTENT_BYTES - (sizeof tail - 1), tail, sizeof tail - 1);
}
