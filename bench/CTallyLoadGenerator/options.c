// Reads the command line.
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "die.h"

enum {
  CONNECTIONS_LIMIT = 4096,
  DEPTH_LIMIT = 1024,
  ACCOUNTS_LIMIT = 1000000,
  ITEMS_LIMIT = 8192,
  PAYLOAD_LIMIT = 1 << 20,
  RUNS_LIMIT = 10000000,
  RATE_LIMIT = 10000000,
};

static const char usage[] =
    "CTallyLoadGenerator: calls over Unix sockets, in a closed loop, or as many a second as `--rate` says;\n"
    "the report is one line of JSON.\n"
    "  --target ttrpc|grpc|postgres|redis  --socket PATH\n"
    "  --workload "
    "echo|consume|consume-spender|batch|hold|balance|balance-at|refund|reverse|run|check|page|save\n"
    "      "
    "|stats|stats-cold|stats-groups|users|usage|seed|seed-plan|seed-settings|seed-runs|seed-media|seed-"
    "pages\n"
    "  --connections N (1)  --depth N (1)  --first N (0)  --accounts N (1000)\n"
    "  --keys ordered|random (ordered)  --form statement|orm (statement)  --items N (8192)\n"
    "  --history S (60)  --runs N (1)  --zone NAME (UTC)  --payload BYTES (64)\n"
    "  --seconds S (5)  --warmup S (1)  --operations N (no limit)  --cpu N (any)\n"
    "  --rate N (closed loop)\n"
    "CTallyLoadGenerator start --socket PATH|--ephemeral -- COMMAND ARGUMENT...: times a server's "
    "start.\n";

static unsigned choice(const char *text, const char *const *names, unsigned count) {
  for (unsigned i = 0; i < count; i++)
    if (strcmp(text, names[i]) == 0) return i;
  die("not a choice: %s\n%s", text, usage);
}

static uint64_t number(const char *text, uint64_t least, uint64_t most) {
  char *end;
  uint64_t value = strtoull(text, &end, 10);
  if (*text == '\0' || *end != '\0' || value < least || value > most)
    die("not a number from %llu to %llu: %s", (unsigned long long)least, (unsigned long long)most, text);
  return value;
}

static double seconds(const char *text) {
  char *end;
  double value = strtod(text, &end);
  if (*text == '\0' || *end != '\0' || value < 0 || value > 3600) die("not a number of seconds: %s", text);
  return value;
}

static const struct option names[] = {
    {"target", required_argument, NULL, 't'},
    {"workload", required_argument, NULL, 'w'},
    {"socket", required_argument, NULL, 's'},
    {"connections", required_argument, NULL, 'c'},
    {"depth", required_argument, NULL, 'd'},
    {"first", required_argument, NULL, 'f'},
    {"accounts", required_argument, NULL, 'a'},
    {"form", required_argument, NULL, 'F'},
    {"runs", required_argument, NULL, 'r'},
    {"zone", required_argument, NULL, 'z'},
    {"items", required_argument, NULL, 'i'},
    {"payload", required_argument, NULL, 'p'},
    {"keys", required_argument, NULL, 'k'},
    {"seconds", required_argument, NULL, 'S'},
    {"warmup", required_argument, NULL, 'W'},
    {"history", required_argument, NULL, 'H'},
    {"cpu", required_argument, NULL, 'u'},
    {"operations", required_argument, NULL, 'o'},
    {"rate", required_argument, NULL, 'R'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void set(struct options *options, int name, const char *value) {
  static const char *const targets[] = {"ttrpc", "grpc", "postgres", "redis"};
  static const char *const keys[] = {"random", "ordered"};
  static const char *const forms[] = {"statement", "orm"};
  static const char *const workloads[WORKLOADS] = {
      [WORKLOAD_ECHO] = "echo",
      [WORKLOAD_SEED] = "seed",
      [WORKLOAD_CONSUME] = "consume",
      [WORKLOAD_CONSUME_SPENDER] = "consume-spender",
      [WORKLOAD_BATCH] = "batch",
      [WORKLOAD_HOLD] = "hold",
      [WORKLOAD_BALANCE] = "balance",
      [WORKLOAD_BALANCE_AT] = "balance-at",
      [WORKLOAD_REFUND] = "refund",
      [WORKLOAD_REVERSE] = "reverse",
      [WORKLOAD_RUN] = "run",
      [WORKLOAD_CHECK] = "check",
      [WORKLOAD_PAGE] = "page",
      [WORKLOAD_SAVE] = "save",
      [WORKLOAD_SEARCH_WORD] = "search-word",
      [WORKLOAD_SEARCH_PREFIX] = "search-prefix",
      [WORKLOAD_SEARCH_PHRASE] = "search-phrase",
      [WORKLOAD_SAVE_TEXT] = "save-text",
      [WORKLOAD_SAVE_SETTINGS] = "save-settings",
      [WORKLOAD_STATS] = "stats",
      [WORKLOAD_STATS_COLD] = "stats-cold",
      [WORKLOAD_STATS_GROUPS] = "stats-groups",
      [WORKLOAD_USERS] = "users",
      [WORKLOAD_USAGE] = "usage",
      [WORKLOAD_RESET] = "reset",
      [WORKLOAD_SAVE_SNAPSHOT] = "save-snapshot",
      [WORKLOAD_RESTORE_SNAPSHOT] = "restore-snapshot",
      [WORKLOAD_SEED_PLAN] = "seed-plan",
      [WORKLOAD_SEED_SETTINGS] = "seed-settings",
      [WORKLOAD_SEED_RUNS] = "seed-runs",
      [WORKLOAD_SEED_MEDIA] = "seed-media",
      [WORKLOAD_SEED_PAGES] = "seed-pages",
      [WORKLOAD_SEED_TEXTS] = "seed-texts",
  };
  switch (name) {
    case 't':
      options->target = choice(value, targets, 4);
      break;
    case 'w':
      options->workload = choice(value, workloads, WORKLOADS);
      break;
    case 's':
      options->socket = value;
      break;
    case 'c':
      options->connections = (uint32_t)number(value, 1, CONNECTIONS_LIMIT);
      break;
    case 'd':
      options->depth = (uint32_t)number(value, 1, DEPTH_LIMIT);
      break;
    case 'f':
      options->first = (uint32_t)number(value, 0, ACCOUNTS_LIMIT - 1);
      break;
    case 'F':
      options->form = choice(value, forms, 2);
      break;
    case 'r':
      options->runs = (uint32_t)number(value, 1, RUNS_LIMIT);
      break;
    case 'z':
      options->zone = value;
      break;
    case 'a':
      options->accounts = (uint32_t)number(value, 1, ACCOUNTS_LIMIT);
      break;
    case 'i':
      options->items = (uint32_t)number(value, 1, ITEMS_LIMIT);
      break;
    case 'p':
      options->payload = (uint32_t)number(value, 0, PAYLOAD_LIMIT);
      break;
    case 'k':
      options->ordered_keys = choice(value, keys, 2) == 1;
      break;
    case 'S':
      options->seconds = seconds(value);
      break;
    case 'W':
      options->warmup = seconds(value);
      break;
    case 'H':
      options->history = seconds(value);
      break;
    case 'o':
      options->operations = number(value, 1, UINT64_MAX);
      break;
    case 'R':
      options->rate = (uint32_t)number(value, 1, RATE_LIMIT);
      break;
    case 'u':
      options->cpu = (int)number(value, 0, 1023);
      break;
    case 'h':
      fputs(usage, stdout);
      exit(0);
    default:
      die("%s", usage);
  }
}

struct options options_parse(int count, char **arguments) {
  struct options options = {
      .target = TARGET_TTRPC,
      .workload = WORKLOAD_ECHO,
      .connections = 1,
      .depth = 1,
      .accounts = 1000,
      .items = ITEMS_LIMIT,
      .payload = 64,
      .runs = 1,
      .zone = "UTC",
      .ordered_keys = true,
      .seconds = 5,
      .warmup = 1,
      .history = 60,
      .cpu = -1,
  };
  int name;
  while ((name = getopt_long(count, arguments, "", names, NULL)) != -1) set(&options, name, optarg);
  if (options.socket == NULL || optind != count || options.first + options.accounts > ACCOUNTS_LIMIT)
    die("%s", usage);
  return options;
}
