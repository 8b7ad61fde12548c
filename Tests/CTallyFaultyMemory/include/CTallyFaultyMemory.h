// Memory that is asked for and not given, when the thread that asks was told so.
#pragma once
#include <stddef.h>
#include <stdint.h>

// From the `skip`th next allocation of SQLite's on this thread on, `count` of them fail. Counts anew.
void faulty_memory_fail(int skip, int count);
// No allocation fails any more.
void faulty_memory_end(void);
// How many allocations of this thread there were, and how many failed, since the last `faulty_memory_fail`.
int faulty_memory_calls(void);
int faulty_memory_failures(void);

// The same of the C library's, of those only that `matches` says: it is told the size, and whether the memory
// is to be cleared. Only where `faulty_memory_watches_system`: sanitizers have allocators of their own.
void faulty_memory_fail_system(int (*matches)(size_t size, int is_cleared), int skip, int count);
void faulty_memory_end_system(void);
int faulty_memory_system_calls(void);
int faulty_memory_system_failures(void);
int faulty_memory_watches_system(void);

// Notes for each allocation of SQLite's on this thread the way through the code that leads to it.
void faulty_memory_record(int is_on);
int faulty_memory_place_count(void);
uint64_t faulty_memory_place(int index);
void faulty_memory_forget_places(void);

// Whether SQLite's pauses on this thread take no time: while it waits for a lock that nobody gives back.
// Needs a connection that was opened before. Returns 0 when SQLite has not been set up.
int faulty_memory_skip_pauses(int is_on);
