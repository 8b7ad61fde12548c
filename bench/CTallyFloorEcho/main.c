// The floor of the echo: one thread, epoll, the same frames, protobuf-c for the message, and nothing else.
// The difference to `tally` is the price of its structure.
#include <stdio.h>

#include "CTallyMessages.h"
#include "die.h"
#include "rounds.h"

enum { INVALID_ARGUMENT = 3, UNIMPLEMENTED = 12 };

static void echo(void *state, uint32_t stream, const struct request *request, struct buffer *out) {
  struct buffer *packed = state;
  if (!text_equals(request->service, "tallystick.testing.v1.Conformance") ||
      !text_equals(request->method, "Echo")) {
    response_append_error(out, stream, UNIMPLEMENTED, "only Echo is served here");
    return;
  }
  Tallystick__Testing__V1__EchoRequest *asked =
      tallystick__testing__v1__echo_request__unpack(NULL, request->length, request->payload);
  if (asked == NULL) {
    response_append_error(out, stream, INVALID_ARGUMENT, "the payload does not parse");
    return;
  }
  Tallystick__Testing__V1__EchoResponse reply = TALLYSTICK__TESTING__V1__ECHO_RESPONSE__INIT;
  reply.text = asked->text;
  reply.number = asked->number;
  reply.body = asked->body;
  size_t length = tallystick__testing__v1__echo_response__get_packed_size(&reply);
  uint8_t *bytes = buffer_reserve(packed, length);
  tallystick__testing__v1__echo_response__pack(&reply, bytes);
  response_append(out, stream, bytes, length);
  tallystick__testing__v1__echo_request__free_unpacked(asked, NULL);
}

int main(int count, char **arguments) {
  if (count != 2) die("CTallyFloorEcho SOCKET: serves tallystick.testing.v1.Conformance/Echo until SIGTERM");
  struct buffer packed = {0};
  struct rounds_handler handler = {.state = &packed, .request = echo};
  rounds_serve(arguments[1], &handler);
  buffer_free(&packed);
  return 0;
}
