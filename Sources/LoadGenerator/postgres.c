// The same work as SQL on PostgreSQL, over its own wire protocol (version 3): statements prepared
// once a connection, parameters and results binary, one statement in flight a connection. That is
// what libpq's PQsendQueryPrepared sends, without the library.
//
// Message: u8 type, u32 length (itself included), body; big-endian. The start-up has no type.
#include "die.h"
#include "run.h"

enum { MESSAGE_HEADER_BYTES = 5 };

static const char schema[] =
    "CREATE TABLE account (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " user_id text NOT NULL UNIQUE, balance_micros bigint NOT NULL CHECK (balance_micros >= 0))"
    " WITH (fillfactor = 50);"
    "CREATE TABLE ledger (sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " account bigint NOT NULL, amount_micros bigint NOT NULL, balance_after_micros bigint NOT NULL,"
    " idempotency_key text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),"
    " UNIQUE (idempotency_key, account));"
    "CREATE INDEX ledger_history ON ledger (account, sequence)";

static const char seed[] =
    "INSERT INTO account (user_id, balance_micros) VALUES ($1, $2)"
    " RETURNING balance_micros";

// PostgreSQL's best: check, debit and ledger row in one statement and one round trip.
static const char consume[] =
    "WITH debit AS (UPDATE account SET balance_micros = balance_micros - $2"
    " WHERE user_id = $1 AND balance_micros >= $2 RETURNING id, balance_micros)"
    " INSERT INTO ledger (account, amount_micros, balance_after_micros, idempotency_key)"
    " SELECT id, -$2::bigint, balance_micros, $3 FROM debit RETURNING balance_after_micros";

static const char balance[] = "SELECT balance_micros FROM account WHERE user_id = $1";

// What an ORM sends: four statements, four round trips.
enum { TRANSACTION_STEPS = 4 };
static const char *const transaction[TRANSACTION_STEPS] = {
    "BEGIN",
    "UPDATE account SET balance_micros = balance_micros - $2"
    " WHERE user_id = $1 AND balance_micros >= $2 RETURNING balance_micros",
    "INSERT INTO ledger (account, amount_micros, balance_after_micros, idempotency_key)"
    " VALUES ((SELECT id FROM account WHERE user_id = $1), -$2::bigint, $3, $4)"
    " RETURNING balance_after_micros",
    "COMMIT",
};

static void put_u8(struct buffer *out, uint8_t value) { buffer_append(out, &value, 1); }

static void put_u16(struct buffer *out, uint16_t value) {
  uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
  buffer_append(out, bytes, sizeof bytes);
}

static void put_u32(struct buffer *out, uint32_t value) {
  put_u16(out, (uint16_t)(value >> 16));
  put_u16(out, (uint16_t)value);
}

static void put_text(struct buffer *out, const char *text) { buffer_append(out, text, strlen(text) + 1); }

static uint32_t get_u32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

// Opens a message; the returned offset from the buffer's unread start closes it.
static size_t begin(struct buffer *out, char type) {
  put_u8(out, (uint8_t)type);
  size_t offset = buffer_length(out);
  put_u32(out, 0);
  return offset;
}

static void end(struct buffer *out, size_t offset) {
  uint32_t length = (uint32_t)(buffer_length(out) - offset);
  uint8_t *at = out->bytes + out->start + offset;
  for (int i = 0; i < 4; i++) at[i] = (uint8_t)(length >> (24 - 8 * i));
}

static void put_empty(struct buffer *out, char type) { end(out, begin(out, type)); }

static void put_bytes_parameter(struct buffer *out, const char *bytes, size_t length) {
  put_u32(out, (uint32_t)length);
  buffer_append(out, bytes, length);
}

static void put_int64_parameter(struct buffer *out, int64_t value) {
  put_u32(out, sizeof value);
  put_u32(out, (uint32_t)((uint64_t)value >> 32));
  put_u32(out, (uint32_t)value);
}

// Bind of the prepared statement to the unnamed portal, up to its parameters; all formats binary.
static size_t begin_bind(struct buffer *out, const char *statement, uint16_t parameters) {
  size_t offset = begin(out, 'B');
  put_text(out, "");
  put_text(out, statement);
  put_u16(out, 1);
  put_u16(out, 1);
  put_u16(out, parameters);
  return offset;
}

static void end_bind_and_execute(struct buffer *out, size_t offset) {
  put_u16(out, 1);
  put_u16(out, 1);
  end(out, offset);
  offset = begin(out, 'E');
  put_text(out, "");
  put_u32(out, 0);  // all rows
  end(out, offset);
  put_empty(out, 'S');
}

static void send_call(struct run *run, struct connection *connection, struct slot *slot) {
  static const char *const names[TRANSACTION_STEPS] = {"0", "1", "2", "3"};
  struct buffer *out = &connection->out;
  char user[ACCOUNT_NAME_BYTES];
  account_name(slot->account, user);
  connection->answered = false;
  bool steps = run->options.workload == WORKLOAD_TRANSACTION;
  bool inserts = steps && slot->phase == 2;
  uint16_t parameters = 2;
  if (run->options.workload == WORKLOAD_BALANCE)
    parameters = 1;
  else if (run->options.workload == WORKLOAD_CONSUME)
    parameters = 3;
  else if (steps)
    parameters = slot->phase == 1 ? 2 : inserts ? 4 : 0;
  size_t offset = begin_bind(out, names[slot->phase], parameters);
  if (parameters >= 1) put_bytes_parameter(out, user, sizeof user);
  if (parameters >= 2)
    put_int64_parameter(out, run->options.workload == WORKLOAD_SEED ? SEEDED_MICROS : slot->amount_micros);
  if (inserts) put_int64_parameter(out, connection->row_value);
  if (parameters >= 3) put_bytes_parameter(out, slot->key, sizeof slot->key);
  end_bind_and_execute(out, offset);
}

// The message at the front of the buffer, without taking it; false when it is not whole.
static bool peek(const struct buffer *in, char *type, const uint8_t **body, size_t *length) {
  if (buffer_length(in) < MESSAGE_HEADER_BYTES) return false;
  const uint8_t *at = buffer_front(in);
  *type = (char)at[0];
  *body = at + MESSAGE_HEADER_BYTES;
  *length = get_u32(at + 1) - 4;
  return buffer_length(in) >= MESSAGE_HEADER_BYTES + *length;
}

// ErrorResponse: fields of a letter and a text; M is the message.
static _Noreturn void die_of(const uint8_t *body, size_t length) {
  const uint8_t *stop = body + length;
  while (body < stop && *body != 0 && *body != 'M') body += strlen((const char *)body) + 1;
  die("postgres: %s", body < stop && *body == 'M' ? (const char *)body + 1 : "unknown error");
}

// DataRow of one bigint.
static void take_row(struct connection *connection, const uint8_t *body, size_t length) {
  if (length != 14) die("postgres: a row that is not one bigint");
  connection->answered = true;
  connection->row_value = (int64_t)((uint64_t)get_u32(body + 6) << 32 | get_u32(body + 10));
}

// ReadyForQuery: the statement has ended.
static void finish(struct run *run, struct connection *connection) {
  struct slot *slot = connection->slots;
  bool steps = run->options.workload == WORKLOAD_TRANSACTION;
  bool answers = !steps || slot->phase == 1 || slot->phase == 2;
  if (answers && (!connection->answered || connection->row_value < 0)) die("postgres: nothing was debited");
  if (steps && ++slot->phase < TRANSACTION_STEPS)
    send_call(run, connection, slot);
  else
    run_succeed(run, connection, slot);
}

static void receive(struct run *run, struct connection *connection) {
  char type;
  const uint8_t *body;
  size_t length;
  while (peek(&connection->in, &type, &body, &length)) {
    if (type == 'E') die_of(body, length);
    if (type == 'D') take_row(connection, body, length);
    bool ready = type == 'Z';
    buffer_take(&connection->in, MESSAGE_HEADER_BYTES + length);
    if (ready) finish(run, connection);
  }
}

static void wait_ready(struct connection *connection) {
  for (;;) {
    char type;
    const uint8_t *body;
    size_t length;
    while (peek(&connection->in, &type, &body, &length)) {
      if (type == 'E') die_of(body, length);
      bool ready = type == 'Z';
      buffer_take(&connection->in, MESSAGE_HEADER_BYTES + length);
      if (ready) return;
    }
    socket_receive(connection);
  }
}

static void prepare(struct connection *connection, const char *name, const char *sql) {
  size_t offset = begin(&connection->out, 'P');
  put_text(&connection->out, name);
  put_text(&connection->out, sql);
  put_u16(&connection->out, 0);  // the server finds the parameters' types
  end(&connection->out, offset);
  put_empty(&connection->out, 'S');
  socket_send(connection);
  wait_ready(connection);
}

static void log_in(struct connection *connection) {
  struct buffer *out = &connection->out;
  put_u32(out, 0);
  put_u32(out, 3 << 16);
  put_text(out, "user");
  put_text(out, "postgres");
  put_u8(out, 0);
  end(out, 0);
  socket_send(connection);
  wait_ready(connection);
}

static void open_session(struct run *run, struct connection *connection) {
  if (run->options.depth != 1) die("postgres: one statement in flight a connection");
  log_in(connection);
  switch (run->options.workload) {
    case WORKLOAD_SEED: {
      size_t offset = begin(&connection->out, 'Q');
      put_text(&connection->out, schema);
      end(&connection->out, offset);
      socket_send(connection);
      wait_ready(connection);
      prepare(connection, "0", seed);
      break;
    }
    case WORKLOAD_CONSUME:
      prepare(connection, "0", consume);
      break;
    case WORKLOAD_TRANSACTION:
      for (int step = 0; step < TRANSACTION_STEPS; step++)
        prepare(connection, (char[]){(char)('0' + step), 0}, transaction[step]);
      break;
    case WORKLOAD_BALANCE:
      prepare(connection, "0", balance);
      break;
    default:
      die("postgres: no such workload");
  }
}

const struct protocol postgres_protocol = {.open = open_session, .send = send_call, .receive = receive};
