// Faults that cross processes: the real program is killed, starved, attacked and flooded, and every test
// holds it to what it has acknowledged.
//
// Invariants:
// 1. One fault test runs at a time: they load the machine, and some count what a process uses.
// 2. Databases stand on the disk of the build directory; sockets in a short path.
// 3. Whatever a test starts ends with it.

import Testing

@Suite("Faults", .serialized)
enum FaultTests {}
