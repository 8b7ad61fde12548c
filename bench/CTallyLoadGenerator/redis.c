// The same work as a Lua script on Redis, over its own wire protocol (RESP2).
#include <stdio.h>
#include <stdlib.h>

#include "die.h"
#include "run.h"

enum { SHA_BYTES = 40 };

// Replay, check, debit, key, ledger row: one atomic step. KEYS: balance, key, ledger.
static const char script[] =
    "local seen = redis.call('GET', KEYS[2]) "
    "if seen then return tonumber(seen) end "
    "local balance = tonumber(redis.call('GET', KEYS[1]) or '0') "
    "if balance < tonumber(ARGV[1]) then return redis.error_reply('INSUFFICIENT') end "
    "local after = redis.call('DECRBY', KEYS[1], ARGV[1]) "
    "redis.call('SET', KEYS[2], after) "
    "redis.call('XADD', KEYS[3], '*', 'amount', ARGV[1], 'after', after, 'key', ARGV[2]) "
    "return after";

// The script's name on the server; the same on every connection.
static char script_sha[SHA_BYTES];

static void put_count(struct buffer *out, char type, size_t count) {
  char text[24];
  int length = snprintf(text, sizeof text, "%c%zu\r\n", type, count);
  buffer_append(out, text, (size_t)length);
}

static void put_argument(struct buffer *out, const char *bytes, size_t length) {
  put_count(out, '$', length);
  buffer_append(out, bytes, length);
  buffer_append(out, "\r\n", 2);
}

static void put_word(struct buffer *out, const char *word) { put_argument(out, word, strlen(word)); }

static void send_consume(struct buffer *out, const struct slot *slot, const char *user) {
  char text[128];
  put_count(out, '*', 8);
  put_word(out, "EVALSHA");
  put_argument(out, script_sha, SHA_BYTES);
  put_word(out, "3");
  snprintf(text, sizeof text, "balance:%.*s", ACCOUNT_NAME_BYTES, user);
  put_word(out, text);
  snprintf(text, sizeof text, "key:%.*s:%.*s", ACCOUNT_NAME_BYTES, user, KEY_BYTES, slot->key);
  put_word(out, text);
  snprintf(text, sizeof text, "ledger:%.*s", ACCOUNT_NAME_BYTES, user);
  put_word(out, text);
  snprintf(text, sizeof text, "%lld", (long long)slot->amount_micros);
  put_word(out, text);
  put_argument(out, slot->key, KEY_BYTES);
}

static void send_call(struct run *run, struct connection *connection, struct slot *slot) {
  struct buffer *out = &connection->out;
  char user[ACCOUNT_NAME_BYTES], text[64];
  account_name(slot->account, user);
  if (run->options.workload == WORKLOAD_CONSUME) {
    send_consume(out, slot, user);
    return;
  }
  bool seeds = run->options.workload == WORKLOAD_SEED;
  put_count(out, '*', seeds ? 3 : 2);
  put_word(out, seeds ? "SET" : "GET");
  snprintf(text, sizeof text, "balance:%.*s", ACCOUNT_NAME_BYTES, user);
  put_word(out, text);
  if (seeds) {
    snprintf(text, sizeof text, "%lld", (long long)SEEDED_MICROS);
    put_word(out, text);
  }
}

// Reads one reply: its type, its text, and how many bytes it has; false when it is not whole.
struct reply {
  char type;
  const char *text;
  size_t length;
  size_t whole;
};

static bool peek(const struct buffer *in, struct reply *reply) {
  const char *at = (const char *)buffer_front(in);
  size_t have = buffer_length(in);
  const char *line_end = have > 0 ? memchr(at, '\n', have) : NULL;
  if (line_end == NULL) return false;
  size_t line = (size_t)(line_end - at) + 1;
  *reply = (struct reply){at[0], at + 1, line - 3, line};
  if (at[0] != '$') return true;
  long length = strtol(at + 1, NULL, 10);
  if (length < 0) {
    reply->length = 0;
    return true;
  }
  *reply = (struct reply){'$', at + line, (size_t)length, line + (size_t)length + 2};
  return have >= reply->whole;
}

static bool verified(const struct run *run, const struct reply *reply) {
  switch (run->options.workload) {
    case WORKLOAD_SEED:
      return reply->type == '+';
    case WORKLOAD_CONSUME:
      return reply->type == ':' && reply->text[0] != '-';
    default:
      return reply->type == '$' && reply->length > 0 && reply->text[0] != '-';
  }
}

static void receive(struct run *run, struct connection *connection) {
  struct reply reply;
  while (peek(&connection->in, &reply)) {
    struct slot *slot = &connection->slots[connection->oldest];
    connection->oldest = (connection->oldest + 1) % run->options.depth;
    if (verified(run, &reply))
      run_succeed(run, connection, slot);
    else
      run_fail(run, connection, slot, reply.text, reply.length);
    buffer_take(&connection->in, reply.whole);
  }
}

static void open_session(struct run *run, struct connection *connection) {
  if (run->options.workload == WORKLOAD_SEED || run->options.workload == WORKLOAD_BALANCE) return;
  if (run->options.workload != WORKLOAD_CONSUME) die("redis: no such workload");
  put_count(&connection->out, '*', 3);
  put_word(&connection->out, "SCRIPT");
  put_word(&connection->out, "LOAD");
  put_word(&connection->out, script);
  socket_send(connection);
  struct reply reply;
  do socket_receive(connection);
  while (!peek(&connection->in, &reply));
  if (reply.type != '$' || reply.length != SHA_BYTES) die("redis: %.*s", (int)reply.length, reply.text);
  memcpy(script_sha, reply.text, SHA_BYTES);
  buffer_take(&connection->in, reply.whole);
}

static uint64_t operations(const struct options *options) {
  return options->workload == WORKLOAD_SEED ? options->accounts : 0;
}

const struct protocol redis_protocol = {
    .operations = operations, .open = open_session, .send = send_call, .receive = receive};
