// Consume over ttrpc: one commit for all requests that are readable in a round; replies are sent after it.
#include "server.h"

#include <inttypes.h>
#include <stdio.h>

#include "CTallyMessages.h"
#include "rounds.h"

enum { INVALID_ARGUMENT = 3, FAILED_PRECONDITION = 9, UNIMPLEMENTED = 12 };

struct server {
  struct ledger *ledger;
  struct buffer packed;
  int64_t commit_sequence;
  int32_t commit_position;
};

static struct text text_of(ProtobufCBinaryData data) {
  return (struct text){(const char *)data.data, data.len};
}

static void reply_applied(struct server *server, uint32_t stream, const Tallystick__V1__ConsumeRequest *asked,
                          const struct debit_result *result, struct buffer *out) {
  char id[24];
  int id_length = snprintf(id, sizeof id, "%" PRId64, result->sequence);
  Tallystick__V1__Transaction transaction = TALLYSTICK__V1__TRANSACTION__INIT;
  transaction.sequence = result->sequence;
  transaction.transaction_id = (ProtobufCBinaryData){(size_t)id_length, (uint8_t *)id};
  transaction.user_id = asked->user_id;
  transaction.type = TYPE_API_USAGE;
  transaction.amount_micros = -asked->amount_micros;
  transaction.balance_after_micros = result->balance_after_micros;
  transaction.created_at_micros = result->at_micros;
  transaction.effective_at_micros = result->at_micros;
  transaction.idempotency_key = asked->idempotency_key;
  transaction.version = result->version;
  transaction.commit_sequence = server->commit_sequence;
  transaction.commit_position = server->commit_position;
  Tallystick__V1__Balance balance = TALLYSTICK__V1__BALANCE__INIT;
  balance.user_id = asked->user_id;
  balance.posted_micros = result->balance_after_micros;
  balance.available_micros = result->balance_after_micros;
  balance.version = result->version;
  Tallystick__V1__ConsumeResponse reply = TALLYSTICK__V1__CONSUME_RESPONSE__INIT;
  // In CTallyMessages a singular submessage is a repeated one of one element, which is the same on the wire.
  reply.n_transaction = reply.n_balance = 1;
  reply.transaction = (Tallystick__V1__Transaction *[]){&transaction};
  reply.balance = (Tallystick__V1__Balance *[]){&balance};
  reply.replayed = result->outcome == DEBIT_REPLAYED;
  reply.commit_sequence = server->commit_sequence;
  reply.commit_position = server->commit_position++;
  size_t length = tallystick__v1__consume_response__get_packed_size(&reply);
  uint8_t *bytes = buffer_reserve(&server->packed, length);
  tallystick__v1__consume_response__pack(&reply, bytes);
  response_append(out, stream, bytes, length);
}

static void consume(void *state, uint32_t stream, const struct request *request, struct buffer *out) {
  struct server *server = state;
  if (!text_equals(request->service, "tallystick.v1.CreditService") ||
      !text_equals(request->method, "Consume")) {
    response_append_error(out, stream, UNIMPLEMENTED, "only Consume is served here");
    return;
  }
  Tallystick__V1__ConsumeRequest *asked =
      tallystick__v1__consume_request__unpack(NULL, request->length, request->payload);
  if (asked == NULL || asked->amount_micros <= 0) {
    response_append_error(out, stream, INVALID_ARGUMENT, "the payload does not parse");
  } else {
    struct debit debit = {text_of(asked->user_id), text_of(asked->idempotency_key), asked->amount_micros};
    struct debit_result result = ledger_debit(server->ledger, &debit);
    if (result.outcome == DEBIT_REFUSED)
      response_append_error(out, stream, FAILED_PRECONDITION, "not enough credit");
    else
      reply_applied(server, stream, asked, &result, out);
  }
  if (asked != NULL) tallystick__v1__consume_request__free_unpacked(asked, NULL);
}

static void commit(void *state) {
  struct server *server = state;
  ledger_commit(server->ledger);
  server->commit_sequence++;
  server->commit_position = 0;
}

static void checkpoint(void *state) {
  struct server *server = state;
  ledger_checkpoint(server->ledger);
}

void server_run(struct ledger *ledger, const char *socket_path) {
  struct server server = {.ledger = ledger, .commit_sequence = 1};
  struct rounds_handler handler = {
      .state = &server, .request = consume, .round_end = commit, .after_replies = checkpoint};
  rounds_serve(socket_path, &handler);
  buffer_free(&server.packed);
}
