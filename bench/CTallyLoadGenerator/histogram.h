// Latencies in nanoseconds, in buckets that are 1/64 of their value wide (HdrHistogram's idea).
//
// 1. Recording is O(1) and allocates nothing.
// 2. A percentile is right to 1.6%; the maximum is exact.
#pragma once

#include <stdint.h>

enum {
  HISTOGRAM_SUB_BITS = 6,
  HISTOGRAM_SUB_BUCKETS = 1 << HISTOGRAM_SUB_BITS,
  // Up to 2^40 ns (18 minutes); longer latencies count in the last bucket.
  HISTOGRAM_BUCKETS = (40 - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB_BUCKETS,
};

struct histogram {
  uint64_t counts[HISTOGRAM_BUCKETS];
  uint64_t total;
  uint64_t maximum;
};

void histogram_record(struct histogram *histogram, uint64_t nanoseconds);

// The upper bound of the bucket with the given percentile (0 to 1); 0 when nothing was recorded.
uint64_t histogram_percentile(const struct histogram *histogram, double part);
