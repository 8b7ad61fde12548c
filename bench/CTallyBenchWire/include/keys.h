// Account names and idempotency keys: the same for every system that is measured.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum {
  ACCOUNT_NAME_BYTES = 11,  // "user-000123"
  KEY_BYTES = 36,           // the text of a UUID
};

// The credit of each account before a run: more than a run can spend.
static const int64_t SEEDED_MICROS = 1000000000000;

static inline uint64_t now_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// xorshift128+, seeded by the kernel: two runs never repeat a key.
struct random {
  uint64_t state[2];
};

struct random random_make(void);

static inline uint64_t random_next(struct random *random) {
  uint64_t a = random->state[0], b = random->state[1];
  random->state[0] = b;
  a ^= a << 23;
  random->state[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
  return random->state[1] + b;
}

static inline uint32_t random_below(struct random *random, uint32_t bound) {
  return (uint32_t)((random_next(random) >> 32) * bound >> 32);
}

enum { NAME_DIGITS = 6 };

// Writes the prefix and NAME_DIGITS digits, no terminator; returns the length. `number` is below 1,000,000.
size_t numbered_name(const char *prefix, uint32_t number, char *name);

// Writes a user's name of ACCOUNT_NAME_BYTES.
void account_name(uint32_t account, char *name);

// Writes KEY_BYTES, no terminator: a version 4 UUID, or with `ordered` a version 7 one, whose first
// bits are the time.
void make_key(struct random *random, bool ordered, char *key);
