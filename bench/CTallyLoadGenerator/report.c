// Prints the report of a run.
#include "report.h"

#include <stdio.h>

static double micros(const struct histogram *histogram, double part) {
  return (double)histogram_percentile(histogram, part) / 1000;
}

// Prints an error's name without the characters that JSON does not allow.
static void print_name(const char *name) {
  putchar('"');
  for (; *name != '\0'; name++)
    if (*name >= ' ' && *name < 127 && *name != '"' && *name != '\\') putchar(*name);
  putchar('"');
}

void report_print(const struct run *run) {
  const struct histogram *histogram = &run->histogram;
  double seconds = (double)(run->end_nanoseconds - run->begin_nanoseconds) / 1e9;
  double rate = seconds > 0 ? (double)histogram->total / seconds : 0;
  uint64_t errors = 0;
  for (unsigned kind = 0; kind < run->error_kinds; kind++) errors += run->errors[kind].count;
  printf("{\"operations\":%llu,\"seconds\":%.3f,\"per_second\":%.1f,", (unsigned long long)histogram->total,
         seconds, rate);
  printf("\"p50_micros\":%.2f,\"p90_micros\":%.2f,\"p99_micros\":%.2f,\"p999_micros\":%.2f,",
         micros(histogram, 0.5), micros(histogram, 0.9), micros(histogram, 0.99), micros(histogram, 0.999));
  printf("\"max_micros\":%.2f,\"errors\":%llu,\"error_kinds\":{", (double)histogram->maximum / 1000,
         (unsigned long long)errors);
  for (unsigned kind = 0; kind < run->error_kinds; kind++) {
    if (kind > 0) putchar(',');
    print_name(run->errors[kind].name);
    printf(":%llu", (unsigned long long)run->errors[kind].count);
  }
  printf("},\"errors_p50_micros\":%.2f,\"errors_p99_micros\":%.2f,\"left_out\":%llu}\n",
         micros(&run->failures, 0.5), micros(&run->failures, 0.99), (unsigned long long)run->left_out);
}
