// The same work in SQL on PostgreSQL, over its own wire protocol: statements are prepared once on each
// connection, parameters and results are binary, and one statement is in flight on a connection. That is what
// libpq's PQsendQueryPrepared sends, without the library.
#include <stdio.h>

#include "data.h"
#include "die.h"
#include "postgres_message.h"
#include "postgres_scripts.h"
#include "run.h"

static const struct script *script_of(const struct run *run) {
  const struct script *script = postgres_script(run->options.workload, run->options.form);
  if (script == NULL) die("postgres: no such workload");
  return script;
}

static unsigned times_of(const struct run *run, const struct statement *statement) {
  if (statement->times == TIMES_ITEMS) return run->options.items;
  return statement->times == 0 ? 1 : (unsigned)statement->times;
}

static void put_name(struct buffer *out, const char *prefix, uint32_t number) {
  char name[32];
  postgres_put_bytes(out, name, numbered_name(prefix, number, name));
}

// The users of a list, newest first, as the workload that made them numbered them.
static uint32_t listed(const struct options *options, uint32_t turn) {
  return options->first + options->accounts - 1 - turn;
}

static void put_users(struct buffer *out, const struct options *options, const struct slot *slot, char kind) {
  size_t offset = postgres_begin_array(out, options->items);
  for (uint32_t i = 0; i < options->items; i++) {
    uint32_t next = options->first + (slot->account - options->first + i) % options->accounts;
    put_name(out, "user-", kind == 'L' ? listed(options, i) : next);
  }
  postgres_end_array(out, offset);
}

// Of a page's sections: contents, first or second images.
static void put_sections(struct run *run, struct buffer *out, const struct slot *slot, char kind) {
  size_t offset = postgres_begin_array(out, SECTIONS_A_PAGE);
  for (unsigned i = 0; i < SECTIONS_A_PAGE; i++) {
    char content[CONTENT_BYTES];
    if (kind == 'C') {
      make_content(&run->random, content);
      postgres_put_bytes(out, content, sizeof content);
    } else {
      put_name(out, "media-", image_number(slot->account, i, kind == 'E'));
    }
  }
  postgres_end_array(out, offset);
}

// The numbers among the parameters.
static int64_t number_of(const struct run *run, const struct connection *connection, const struct slot *slot,
                         char kind) {
  const struct options *options = &run->options;
  uint64_t run_number = slot->number * RUNS_A_STATEMENT;
  switch (kind) {
    case 'a':
      return slot->amount_micros;
    case 'h':
      return slot->amount_micros / 2;
    case 's':
      return SEEDED_MICROS;
    case 'r':
    case 'v':
      return connection->row_value;
    case 'l':
      return options->items;
    case 'f':
      return options->first;
    case 'n':
      return options->accounts;
    case 'N':
      return options->runs;
    case 't':
      return slot->turn;
    case 'F':
      return (int64_t)run_number;
    case 'T':
      run_number += RUNS_A_STATEMENT;
      return (int64_t)(run_number < options->runs ? run_number : options->runs) - 1;
    default:
      die("postgres: no such parameter: %c", kind);
  }
}

static void put_parameter(struct run *run, struct connection *connection, struct slot *slot, char kind) {
  struct buffer *out = &connection->out;
  char content[CONTENT_BYTES];
  switch (kind) {
    case 'u':
      put_name(out, "user-", slot->account);
      break;
    case 'i':
      put_name(out, "user-", listed(&run->options, slot->turn));
      break;
    case 'k':
      postgres_put_bytes(out, slot->key, sizeof slot->key);
      break;
    case 'p':
      put_name(out, "page-", slot->account);
      break;
    case 'z':
      postgres_put_bytes(out, run->options.zone, strlen(run->options.zone));
      break;
    case 'c':
      make_content(&run->random, content);
      postgres_put_bytes(out, content, sizeof content);
      break;
    case 'd':
    case 'e':
      put_name(out, "media-", image_number(slot->account, slot->turn, kind == 'e'));
      break;
    case 'L':
    case 'U':
      put_users(out, &run->options, slot, kind);
      break;
    case 'C':
    case 'D':
    case 'E':
      put_sections(run, out, slot, kind);
      break;
    default:
      postgres_put_int64(out, number_of(run, connection, slot, kind));
  }
}

// The name of each prepared statement is a letter.
static const char *name_of(unsigned step, char name[2]) {
  name[0] = (char)('a' + step);
  name[1] = '\0';
  return name;
}

static void send_call(struct run *run, struct connection *connection, struct slot *slot) {
  const struct script *script = script_of(run);
  const char *parameters = script->statements[slot->phase].parameters;
  char name[2];
  connection->rows = 0;
  size_t offset =
      postgres_begin_bind(&connection->out, name_of(slot->phase, name), (uint16_t)strlen(parameters));
  for (; *parameters != '\0'; parameters++) put_parameter(run, connection, slot, *parameters);
  postgres_end_bind_and_execute(&connection->out, offset);
  if (slot->phase > 0 && slot->phase == script->timed_from && slot->turn == 0) run_restart_clock(slot);
}

// ErrorResponse: fields of a letter and a text; M is the message.
static _Noreturn void die_of(const uint8_t *body, size_t length) {
  const uint8_t *stop = body + length;
  while (body < stop && *body != 0 && *body != 'M') body += strlen((const char *)body) + 1;
  die("postgres: %s", body < stop && *body == 'M' ? (const char *)body + 1 : "unknown error");
}

// DataRow: u16 columns, then u32 length and bytes of each. A bigint in the first one is kept.
static void take_row(struct connection *connection, const uint8_t *body, size_t length) {
  connection->rows++;
  if (length >= 14 && postgres_get_u32(body + 2) == sizeof(int64_t))
    connection->row_value = postgres_get_int64(body + 6);
}

static void check_rows(const struct run *run, const struct connection *connection,
                       const struct statement *statement) {
  bool right = statement->rows == ROWS_ANY     ? true
               : statement->rows == ROWS_SOME  ? connection->rows > 0
               : statement->rows == ROWS_ITEMS ? connection->rows == run->options.items
                                               : connection->rows == (uint32_t)statement->rows;
  if (!right) die("postgres: %u rows of: %s", connection->rows, statement->sql);
}

// ReadyForQuery: the statement has ended.
static void finish(struct run *run, struct connection *connection) {
  struct slot *slot = connection->slots;
  const struct script *script = script_of(run);
  const struct statement *statement = &script->statements[slot->phase];
  check_rows(run, connection, statement);
  if (++slot->turn == times_of(run, statement)) {
    slot->turn = 0;
    slot->phase++;
  }
  if (slot->phase < script->count)
    send_call(run, connection, slot);
  else
    run_succeed(run, connection, slot);
}

static void receive(struct run *run, struct connection *connection) {
  char type;
  const uint8_t *body;
  size_t length;
  while (postgres_peek(&connection->in, &type, &body, &length)) {
    if (type == 'E') die_of(body, length);
    if (type == 'D') take_row(connection, body, length);
    bool ready = type == 'Z';
    buffer_take(&connection->in, POSTGRES_HEADER_BYTES + length);
    if (ready) finish(run, connection);
  }
}

static void wait_ready(struct connection *connection) {
  for (;;) {
    char type;
    const uint8_t *body;
    size_t length;
    while (postgres_peek(&connection->in, &type, &body, &length)) {
      if (type == 'E') die_of(body, length);
      bool ready = type == 'Z';
      buffer_take(&connection->in, POSTGRES_HEADER_BYTES + length);
      if (ready) return;
    }
    socket_receive(connection);
  }
}

static void prepare(struct connection *connection, const char *name, const char *sql) {
  size_t offset = postgres_begin(&connection->out, 'P');
  postgres_put_text(&connection->out, name);
  postgres_put_text(&connection->out, sql);
  postgres_put_u16(&connection->out, 0);  // the server finds the parameters' types
  postgres_end(&connection->out, offset);
  postgres_put_empty(&connection->out, 'S');
  socket_send(connection);
  wait_ready(connection);
}

static void log_in(struct connection *connection) {
  struct buffer *out = &connection->out;
  size_t offset = postgres_begin(out, 0);
  postgres_put_u32(out, 3 << 16);
  postgres_put_text(out, "user");
  postgres_put_text(out, "postgres");
  postgres_put_text(out, "");
  postgres_end(out, offset);
  socket_send(connection);
  wait_ready(connection);
}

static void make_schema(struct connection *connection) {
  size_t offset = postgres_begin(&connection->out, 'Q');
  postgres_put_text(&connection->out, postgres_schema);
  postgres_end(&connection->out, offset);
  socket_send(connection);
  wait_ready(connection);
}

static void open_session(struct run *run, struct connection *connection) {
  if (run->options.depth != 1) die("postgres: one statement in flight a connection");
  const struct script *script = script_of(run);
  log_in(connection);
  if (run->options.workload == WORKLOAD_SEED) make_schema(connection);
  for (unsigned step = 0; step < script->count; step++) {
    char name[2];
    prepare(connection, name_of(step, name), script->statements[step].sql);
  }
}

// One statement makes all data of a kind, except runs, which are made in parts.
static uint64_t operations(const struct options *options) {
  switch (options->workload) {
    case WORKLOAD_SEED_RUNS:
      return (options->runs + RUNS_A_STATEMENT - 1) / RUNS_A_STATEMENT;
    case WORKLOAD_SEED:
    case WORKLOAD_SEED_PLAN:
    case WORKLOAD_SEED_SETTINGS:
    case WORKLOAD_SEED_MEDIA:
    case WORKLOAD_SEED_PAGES:
      return 1;
    default:
      return 0;
  }
}

const struct protocol postgres_protocol = {
    .operations = operations, .open = open_session, .send = send_call, .receive = receive};
