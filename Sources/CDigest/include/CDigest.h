// SHA-256 (FIPS 180-4), one call: what the ledger's chain and the requests' digests need, and no more.
// Uses the processor's SHA instructions where it has them.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { CDIGEST_BYTES = 32 };

// Writes the digest of `length` bytes. `bytes` may be NULL when `length` is 0.
void cdigest_sha256(const void *bytes, size_t length, uint8_t digest[CDIGEST_BYTES]);

// The same by portable code only, for the tests to compare.
void cdigest_sha256_portable(const void *bytes, size_t length, uint8_t digest[CDIGEST_BYTES]);
