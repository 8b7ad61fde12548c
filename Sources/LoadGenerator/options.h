// What a run is asked to do.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum workload {
  WORKLOAD_ECHO,         // ttrpc, grpc: a round trip of `payload` bytes
  WORKLOAD_SEED,         // gives each account its credit, once; no time limit
  WORKLOAD_CONSUME,      // one debit
  WORKLOAD_TRANSACTION,  // postgres: the debit as BEGIN, UPDATE, INSERT, COMMIT
  WORKLOAD_BATCH,        // ttrpc: BatchConsume of `items` debits
  WORKLOAD_HOLD,         // ttrpc: Reserve, then Capture of half of it; one operation is the pair
  WORKLOAD_BALANCE,      // one balance read
};

enum target { TARGET_TTRPC, TARGET_GRPC, TARGET_POSTGRES, TARGET_REDIS };

struct options {
  enum target target;
  enum workload workload;
  const char *socket;
  uint32_t connections;
  uint32_t depth;     // calls in flight on each connection
  uint32_t accounts;  // 1 is the hot account
  uint32_t items;     // debits in a batch
  uint32_t payload;   // bytes of an echo
  bool ordered_keys;
  double seconds;
  double warmup;
  uint64_t operations;  // stop after so many; 0 is no limit
  int cpu;              // -1 is any
};

// Exits with the usage text on anything that is not understood.
struct options options_parse(int count, char **arguments);
