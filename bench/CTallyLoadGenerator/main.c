// The load generator. It is a process of its own, so that what it costs is not counted for the server.
#include <sched.h>
#include <string.h>

#include "die.h"
#include "report.h"
#include "run.h"
#include "start.h"

static void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((unsigned)cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) die_errno("sched_setaffinity to %d", cpu);
}

int main(int count, char **arguments) {
  if (count > 1 && strcmp(arguments[1], "start") == 0) return start_measure(count - 1, arguments + 1);
  static const struct protocol *const protocols[] = {
      [TARGET_TTRPC] = &ttrpc_protocol,
      [TARGET_GRPC] = &grpc_protocol,
      [TARGET_POSTGRES] = &postgres_protocol,
      [TARGET_REDIS] = &redis_protocol,
  };
  static struct run run;
  run.options = options_parse(count, arguments);
  run.protocol = protocols[run.options.target];
  run.random = random_make();
  if (run.options.cpu >= 0) pin(run.options.cpu);
  run_measure(&run);
  report_print(&run);
  return 0;
}
