// The floor of the durable consume: C and SQLite on one thread, over the same frames or in a loop.
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "die.h"
#include "ledger.h"
#include "loop.h"
#include "server.h"

static const char usage[] =
    "CTallyFloorConsume --database FILE [--accounts N] --socket PATH: serves CreditService/Consume until "
    "SIGTERM\n"
    "CTallyFloorConsume --database FILE [--accounts N] --loop [--group N] [--keys ordered|random] [--seconds "
    "S]";

static const struct option names[] = {
    {"database", required_argument, NULL, 'd'}, {"accounts", required_argument, NULL, 'a'},
    {"socket", required_argument, NULL, 's'},   {"loop", no_argument, NULL, 'l'},
    {"group", required_argument, NULL, 'g'},    {"keys", required_argument, NULL, 'k'},
    {"seconds", required_argument, NULL, 'S'},  {NULL, 0, NULL, 0},
};

struct arguments {
  const char *database;
  const char *socket;
  bool loops;
  struct loop_options loop;
};

static struct arguments parse(int count, char **texts) {
  struct arguments arguments = {.loop = {.accounts = 1000, .group = 64, .ordered_keys = true, .seconds = 5}};
  int name;
  while ((name = getopt_long(count, texts, "", names, NULL)) != -1) {
    if (name == 'd')
      arguments.database = optarg;
    else if (name == 's')
      arguments.socket = optarg;
    else if (name == 'l')
      arguments.loops = true;
    else if (name == 'a')
      arguments.loop.accounts = (uint32_t)strtoul(optarg, NULL, 10);
    else if (name == 'g')
      arguments.loop.group = (uint32_t)strtoul(optarg, NULL, 10);
    else if (name == 'k')
      arguments.loop.ordered_keys = strcmp(optarg, "ordered") == 0;
    else if (name == 'S')
      arguments.loop.seconds = strtod(optarg, NULL);
    else
      die("%s", usage);
  }
  if (arguments.database == NULL || (arguments.socket == NULL) != arguments.loops ||
      arguments.loop.accounts == 0 || arguments.loop.group == 0)
    die("%s", usage);
  return arguments;
}

int main(int count, char **texts) {
  struct arguments arguments = parse(count, texts);
  struct ledger *ledger = ledger_open(arguments.database, arguments.loop.accounts);
  if (arguments.loops)
    loop_run(ledger, &arguments.loop);
  else
    server_run(ledger, arguments.socket);
  ledger_close(ledger);
  return 0;
}
