// Ways through the code that lead to calls which may fail, as numbers, in the order of the calls.
//
// Invariants:
// 1. The same way has the same number in one process. That two ways share one is not to be expected.
//
// Owner: whoever has the value.
#pragma once
#include <execinfo.h>
#include <stdint.h>
#include <stdlib.h>

#define FAULT_PLACES_MAXIMUM_FRAMES 64

typedef struct {
  int is_on, count, room;
  uint64_t *ways;
} fault_places;

// FNV-1a over the return addresses.
static inline uint64_t fault_places_way(void) {
  void *frames[FAULT_PLACES_MAXIMUM_FRAMES];
  int count = backtrace(frames, FAULT_PLACES_MAXIMUM_FRAMES);
  uint64_t number = 0xcbf29ce484222325u;
  for (int i = 0; i < count; i++) number = (number ^ (uint64_t)(uintptr_t)frames[i]) * 0x100000001b3u;
  return number;
}

static inline void fault_places_note(fault_places *to) {
  if (!to->is_on) return;
  if (to->count == to->room) {
    to->room = to->room == 0 ? 1024 : 2 * to->room;
    to->ways = realloc(to->ways, (size_t)to->room * sizeof *to->ways);
    // A test of half of the places would prove nothing.
    if (to->ways == NULL) abort();
  }
  to->ways[to->count++] = fault_places_way();
}

static inline void fault_places_forget(fault_places *of) {
  free(of->ways);
  *of = (fault_places){0};
}
