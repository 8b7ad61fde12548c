// The same disk beneath a program that was not built for it: with this library preloaded (LD_PRELOAD),
// TALLY_FAULTY_DISK says what fails.
//
// Invariants:
// 1. What cannot be understood ends the program: a test of a fault that never came would prove nothing.
//
// Owner: the program's start, before main.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "Disk.h"

// TALLY_FAULTY_DISK: "CALL SKIP COUNT ERRNO DIRECTORY TRIGGER". Nothing fails, and nothing is counted, while
// there is no file TRIGGER; "-" is always there.
__attribute__((constructor)) static void begin_by_environment(void) {
  const char *text = getenv("TALLY_FAULTY_DISK");
  if (text == NULL) return;
  int call, skip, count, error;
  static char directory[PATH_MAX], trigger[PATH_MAX];
  _Static_assert(PATH_MAX == 4096, "the widths below");
  int found = sscanf(text, "%d %d %d %d %4095s %4095s", &call, &skip, &count, &error, directory, trigger);
  if (found != 6 || call < 0 || call >= FAULTY_DISK_CALL_COUNT) abort();
  faulty_disk *disk = faulty_disk_open(directory);
  if (disk == NULL) abort();
  if (strcmp(trigger, "-") != 0) disk->trigger = trigger;
  faulty_disk_fail_call(disk, call, skip, count, error);
}
