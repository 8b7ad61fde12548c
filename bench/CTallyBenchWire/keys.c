// Makes names and keys without printf, since the load generator must not be the bottleneck.
#include "keys.h"

#include <string.h>
#include <sys/random.h>

#include "die.h"

struct random random_make(void) {
  struct random random;
  if (getrandom(&random, sizeof random, 0) != sizeof random) die_errno("getrandom");
  random.state[0] |= 1;  // never both zero
  return random;
}

size_t numbered_name(const char *prefix, uint32_t number, char *name) {
  size_t length = strlen(prefix);
  memcpy(name, prefix, length);
  for (size_t i = NAME_DIGITS; i-- > 0; number /= 10) name[length + i] = (char)('0' + number % 10);
  return length + NAME_DIGITS;
}

void account_name(uint32_t account, char *name) { numbered_name("user-", account, name); }

static char *put_hex(char *at, uint64_t value, int digits) {
  static const char hex[] = "0123456789abcdef";
  for (int i = digits - 1; i >= 0; i--) *at++ = hex[value >> (4 * i) & 15];
  return at;
}

// Bits of a version 7 UUID: 48 of milliseconds, 12 of the millisecond's fraction, 62 random.
static uint64_t time_bits(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  uint64_t millis = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
  uint64_t fraction = (uint64_t)now.tv_nsec % 1000000 * 4096 / 1000000;
  return millis << 16 | fraction;
}

void make_key(struct random *random, bool ordered, char *key) {
  uint64_t high = ordered ? time_bits() : random_next(random);
  uint64_t low = random_next(random);
  high = (high & ~0xf000ull) | (ordered ? 0x7000 : 0x4000);
  low = (low & 0x3fffffffffffffff) | 0x8000000000000000;
  char *at = put_hex(key, high >> 32, 8);
  *at++ = '-';
  at = put_hex(at, high >> 16 & 0xffff, 4);
  *at++ = '-';
  at = put_hex(at, high & 0xffff, 4);
  *at++ = '-';
  at = put_hex(at, low >> 48, 4);
  *at++ = '-';
  put_hex(at, low & 0xffffffffffff, 12);
}
