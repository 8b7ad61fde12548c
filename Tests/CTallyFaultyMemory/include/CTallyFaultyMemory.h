// Memory that SQLite asks for and does not get, when the thread that asks was told so.
#pragma once

// From the `skip`th next allocation of SQLite's on this thread on, `count` of them fail. Counts anew.
void faulty_memory_fail(int skip, int count);
// No allocation fails any more.
void faulty_memory_end(void);
// How many allocations of this thread there were, and how many failed, since the last `faulty_memory_fail`.
int faulty_memory_calls(void);
int faulty_memory_failures(void);

// Whether SQLite's pauses on this thread take no time: while it waits for a lock that nobody gives back.
// Needs a connection that was opened before. Returns 0 when SQLite has not been set up.
int faulty_memory_skip_pauses(int is_on);
