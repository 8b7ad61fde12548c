// The arena's slow half: chunks from the system, one arena a thread. See TallyArena.h.
#include "TallyArena.h"

#include <pthread.h>
#include <stdlib.h>

// A chunk is never smaller than its predecessor twice over, up to this many bytes, so that a large
// message takes few of them.
#define LARGEST_STEP ((size_t)(4 << 20))

// The header takes one unit, so that the blocks after it are aligned.
typedef struct TallyArenaChunk {
  struct TallyArenaChunk *older;
  size_t size;
} TallyArenaChunk;

_Static_assert(sizeof(TallyArenaChunk) == TALLY_ARENA_ALIGNMENT, "blocks after the header are aligned");

static _Thread_local TallyArena *own_arena;
static pthread_key_t thread_end;
static pthread_once_t thread_end_once = PTHREAD_ONCE_INIT;
static bool thread_end_known;

static uint8_t *first_block(TallyArenaChunk *chunk) { return (uint8_t *)chunk + sizeof(TallyArenaChunk); }

// Makes the chunk the newest. Its size is without the header.
static bool push_chunk(TallyArena *arena, size_t size) {
  TallyArenaChunk *chunk = malloc(sizeof(TallyArenaChunk) + size);
  if (chunk == NULL) return false;
  chunk->older = arena->newest;
  chunk->size = size;
  arena->newest = chunk;
  arena->next = first_block(chunk);
  arena->end = arena->next + size;
  return true;
}

static void pop_chunk(TallyArena *arena) {
  TallyArenaChunk *chunk = arena->newest;
  arena->newest = chunk->older;
  free(chunk);
}

static void free_arena(void *pointer) {
  TallyArena *arena = pointer;
  while (arena->newest != NULL) pop_chunk(arena);
  free(arena);
}

static void end_thread(void *arena) {
  own_arena = NULL;
  free_arena(arena);
}

static void make_thread_end(void) { thread_end_known = pthread_key_create(&thread_end, end_thread) == 0; }

static void *allocate(void *data, size_t size) { return tally_arena_allocate(data, size); }

static void keep(void *data, void *block) {
  (void)data;
  (void)block;
}

static TallyArena *make_arena(void) {
  if (pthread_once(&thread_end_once, make_thread_end) != 0 || !thread_end_known) return NULL;
  TallyArena *arena = calloc(1, sizeof(TallyArena));
  if (arena == NULL) return NULL;
  arena->allocator = (ProtobufCAllocator){.alloc = allocate, .free = keep, .allocator_data = arena};
  if (!push_chunk(arena, TALLY_ARENA_KEPT_BYTES) || pthread_setspecific(thread_end, arena) != 0) {
    free_arena(arena);
    return NULL;
  }
  return arena;
}

TallyArena *tally_arena_begin(size_t budget_bytes) {
  if (own_arena == NULL && (own_arena = make_arena()) == NULL) return NULL;
  if (own_arena->in_use) return NULL;
  own_arena->in_use = true;
  own_arena->budget_left = budget_bytes & ~(TALLY_ARENA_ALIGNMENT - 1);
  own_arena->exhausted = false;
  own_arena->starved = false;
  return own_arena;
}

void tally_arena_end(TallyArena *arena) {
  while (arena->newest->older != NULL) pop_chunk(arena);
  arena->next = first_block(arena->newest);
  arena->end = arena->next + arena->newest->size;
  arena->in_use = false;
}

void *tally_arena_grow(TallyArena *arena, size_t size) {
  size_t chunk = arena->newest->size < LARGEST_STEP / 2 ? arena->newest->size * 2 : LARGEST_STEP;
  if (!push_chunk(arena, size > chunk ? size : chunk)) {
    arena->exhausted = true;
    arena->starved = true;
    return NULL;
  }
  void *block = arena->next;
  arena->next += size;
  return block;
}
