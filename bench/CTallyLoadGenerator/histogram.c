// Log-linear buckets.
#include "histogram.h"

// Below SUB_BUCKETS a bucket is one nanosecond; above, each power of two has SUB_BUCKETS of them.
static unsigned bucket_of(uint64_t value) {
  if (value < HISTOGRAM_SUB_BUCKETS) return (unsigned)value;
  unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
  unsigned bucket = (shift << HISTOGRAM_SUB_BITS) + (unsigned)(value >> shift);
  return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static uint64_t upper_bound(unsigned bucket) {
  if (bucket < 2 * HISTOGRAM_SUB_BUCKETS) return bucket;
  unsigned shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
  uint64_t sub = bucket - (shift << HISTOGRAM_SUB_BITS);
  return ((sub + 1) << shift) - 1;
}

void histogram_record(struct histogram *histogram, uint64_t nanoseconds) {
  histogram->counts[bucket_of(nanoseconds)]++;
  histogram->total++;
  if (nanoseconds > histogram->maximum) histogram->maximum = nanoseconds;
}

uint64_t histogram_percentile(const struct histogram *histogram, double part) {
  uint64_t wanted = (uint64_t)(part * (double)histogram->total + 0.5);
  uint64_t seen = 0;
  for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    seen += histogram->counts[bucket];
    if (seen > 0 && seen >= wanted) {
      uint64_t bound = upper_bound(bucket);
      return bound < histogram->maximum ? bound : histogram->maximum;
    }
  }
  return histogram->maximum;
}
