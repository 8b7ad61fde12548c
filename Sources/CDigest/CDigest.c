// SHA-256. The block function is chosen once a call; padding and byte order are shared.
//
// Invariants:
// 1. Nothing is allocated and nothing is kept between calls: any thread may call.
// 2. Both block functions give the same state; the tests hold them against each other and NIST's vectors.
#include "CDigest.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

enum { BLOCK_BYTES = 64, LENGTH_BYTES = 8, ROUNDS = 64, WORDS = 8 };

typedef void blocks_function(uint32_t state[WORDS], const uint8_t *at, size_t count);

static const uint32_t initial[WORDS] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const uint32_t constants[ROUNDS] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t value, int bits) { return value >> bits | value << (32 - bits); }

static uint32_t get_u32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void schedule(uint32_t words[ROUNDS], const uint8_t *block) {
  for (int i = 0; i < 16; i++) words[i] = get_u32(block + 4 * i);
  for (int i = 16; i < ROUNDS; i++) {
    uint32_t early = words[i - 15], late = words[i - 2];
    uint32_t small0 = rotate(early, 7) ^ rotate(early, 18) ^ early >> 3;
    uint32_t small1 = rotate(late, 17) ^ rotate(late, 19) ^ late >> 10;
    words[i] = words[i - 16] + small0 + words[i - 7] + small1;
  }
}

static void portable_blocks(uint32_t state[WORDS], const uint8_t *at, size_t count) {
  for (; count > 0; count--, at += BLOCK_BYTES) {
    uint32_t words[ROUNDS], s[WORDS];
    schedule(words, at);
    memcpy(s, state, sizeof s);
    for (int i = 0; i < ROUNDS; i++) {
      uint32_t big1 = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25);
      uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
      uint32_t first = s[7] + big1 + choice + constants[i] + words[i];
      uint32_t big0 = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22);
      uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
      memmove(s + 1, s, sizeof s - sizeof s[0]);
      s[4] += first;
      s[0] = first + big0 + majority;
    }
    for (int i = 0; i < WORDS; i++) state[i] += s[i];
  }
}

#if defined(__x86_64__)
// Intel's layout of the state: ABEF and CDGH. Four rounds a step; m[] is a ring of the message schedule.
__attribute__((target("sha,sse4.1,ssse3"))) static void native_blocks(uint32_t state[WORDS],
                                                                      const uint8_t *at, size_t count) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i low = _mm_loadu_si128((const __m128i *)state);
  __m128i high = _mm_loadu_si128((const __m128i *)(state + 4));
  low = _mm_shuffle_epi32(low, 0xb1);
  high = _mm_shuffle_epi32(high, 0x1b);
  __m128i abef = _mm_alignr_epi8(low, high, 8);
  __m128i cdgh = _mm_blend_epi16(high, low, 0xf0);
  for (; count > 0; count--, at += BLOCK_BYTES) {
    const __m128i saved_abef = abef, saved_cdgh = cdgh;
    __m128i m[4];
    for (int step = 0; step < ROUNDS / 4; step++) {
      __m128i *now = &m[step & 3];
      if (step < 4) {
        *now = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(at + 16 * step)), swap);
      } else {
        __m128i last = m[(step + 3) & 3];
        __m128i sum = _mm_sha256msg1_epu32(*now, m[(step + 1) & 3]);
        sum = _mm_add_epi32(sum, _mm_alignr_epi8(last, m[(step + 2) & 3], 4));
        *now = _mm_sha256msg2_epu32(sum, last);
      }
      __m128i keyed = _mm_add_epi32(*now, _mm_load_si128((const __m128i *)(constants + 4 * step)));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, keyed);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(keyed, 0x0e));
    }
    abef = _mm_add_epi32(abef, saved_abef);
    cdgh = _mm_add_epi32(cdgh, saved_cdgh);
  }
  low = _mm_shuffle_epi32(abef, 0x1b);
  high = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(low, high, 0xf0));
  _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(high, low, 8));
}

static int has_instructions(void) {
  static _Atomic int known;  // 0 not asked, 1 no, 2 yes; a race asks twice and gets the same answer
  if (known == 0) {
    unsigned a, b, c, d;
    int sse = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSSE3) && (c & bit_SSE4_1);
    int sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
    known = sse && sha ? 2 : 1;
  }
  return known == 2;
}
#endif

static void digest_with(blocks_function *blocks, const uint8_t *bytes, size_t length,
                        uint8_t digest[CDIGEST_BYTES]) {
  uint32_t state[WORDS];
  memcpy(state, initial, sizeof state);
  size_t whole = length / BLOCK_BYTES, rest = length % BLOCK_BYTES;
  if (whole > 0) blocks(state, bytes, whole);
  uint8_t tail[2 * BLOCK_BYTES] = {0};
  if (rest > 0) memcpy(tail, bytes + whole * BLOCK_BYTES, rest);
  tail[rest] = 0x80;
  size_t tail_blocks = rest + 1 + LENGTH_BYTES <= BLOCK_BYTES ? 1 : 2;
  uint64_t bits = (uint64_t)length * 8;
  for (int i = 0; i < LENGTH_BYTES; i++) tail[tail_blocks * BLOCK_BYTES - 1 - i] = (uint8_t)(bits >> (8 * i));
  blocks(state, tail, tail_blocks);
  for (int i = 0; i < CDIGEST_BYTES; i++) digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

void cdigest_sha256_portable(const void *bytes, size_t length, uint8_t digest[CDIGEST_BYTES]) {
  digest_with(portable_blocks, bytes, length, digest);
}

void cdigest_sha256(const void *bytes, size_t length, uint8_t digest[CDIGEST_BYTES]) {
#if defined(__x86_64__)
  if (has_instructions()) {
    digest_with(native_blocks, bytes, length, digest);
    return;
  }
#endif
  digest_with(portable_blocks, bytes, length, digest);
}
