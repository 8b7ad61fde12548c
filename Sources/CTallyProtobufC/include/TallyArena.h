// A bump allocator for one message at a time, with a cumulative budget.
//
// protobuf-c asks its allocator once a field, and an attacker decides how often. An arena answers
// with a pointer bump, gives nothing back before the whole message is done, and refuses (NULL) once
// the message has asked for more than its budget in all.
//
// Invariants:
// 1. Every block is aligned to 16 bytes and lies in one chunk of the arena.
// 2. The sum of all blocks, rounded up to 16 each, is at most the budget of `tally_arena_begin`.
// 3. Between `tally_arena_end` and the next `tally_arena_begin` an arena keeps at most
//    TALLY_ARENA_KEPT_BYTES.
// 4. `exhausted` is set once a block was refused, and stays so until the next begin.
//
// Owner: the thread. Each has one arena, made on first use and freed when the thread ends; it never
// leaves the thread, and begin and end come in pairs that do not nest.
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Alignment and unit of account, in bytes.
#define TALLY_ARENA_ALIGNMENT ((size_t)16)
// The first chunk, and what an arena keeps between messages, in bytes.
#define TALLY_ARENA_KEPT_BYTES ((size_t)(64 << 10))

struct TallyArenaChunk;

typedef struct TallyArena {
  // For protobuf-c; its data is this arena. Freeing is a no-op.
  ProtobufCAllocator allocator;
  // The free part of the newest chunk.
  uint8_t *next;
  uint8_t *end;
  // What the budget has left, in bytes.
  size_t budget_left;
  // Between a begin and its end.
  bool in_use;
  // A block was refused, by the budget or by the system.
  bool exhausted;
  // By the system.
  bool starved;
  struct TallyArenaChunk *newest;
} TallyArena;

/// The thread's arena, empty, with `budget_bytes` to give out; NULL if the system has no memory, or if
/// the arena is in use.
TallyArena *tally_arena_begin(size_t budget_bytes);

/// Ends the message: every block of the arena is gone, and a large arena shrinks.
void tally_arena_end(TallyArena *arena);

/// A block from a new chunk; `size` is rounded up and within the budget, which it leaves alone.
void *tally_arena_grow(TallyArena *arena, size_t size);

/// A block of `size` bytes, not cleared; NULL once the budget or the system's memory is spent.
static inline void *tally_arena_allocate(TallyArena *arena, size_t size) {
  if (size > arena->budget_left) {
    // Nothing smaller gets through after it: a message is whole or refused.
    arena->exhausted = true;
    arena->budget_left = 0;
    return NULL;
  }
  size_t rounded = (size + TALLY_ARENA_ALIGNMENT - 1) & ~(TALLY_ARENA_ALIGNMENT - 1);
  // The budget is a multiple of the alignment, so that rounding up stays within it.
  arena->budget_left -= rounded;
  if (rounded > (size_t)(arena->end - arena->next)) return tally_arena_grow(arena, rounded);
  void *block = arena->next;
  arena->next += rounded;
  return block;
}
