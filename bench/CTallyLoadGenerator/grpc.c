// The echo over gRPC: the part of HTTP/2 that a client needs that makes one call at a time on a connection.
//
// Frame: u24 length, u8 type, u8 flags, u32 stream id, big-endian, then the payload.
// 1. The first call writes its header fields into the server's table; later ones name them by index.
// 2. Receive windows are as wide as the protocol allows, and a run ends before they close; what is
//    in flight never fills the server's.
// 3. An answer is a DATA frame with the verified message, then the frame that ends the stream.
#include "die.h"
#include "echo.h"
#include "run.h"

enum {
  HEADER_BYTES = 9,
  PREFIX_BYTES = 5,  // of a gRPC message: u8 compressed, u32 length
  MESSAGE_LIMIT_BYTES = 16384 - PREFIX_BYTES,
  FRAME_DATA = 0,
  FRAME_HEADERS = 1,
  FRAME_RESET = 3,
  FRAME_SETTINGS = 4,
  FRAME_PING = 6,
  FRAME_GO_AWAY = 7,
  FRAME_WINDOW_UPDATE = 8,
  FLAG_ACKNOWLEDGE = 1,
  FLAG_END_STREAM = 1,
  FLAG_END_HEADERS = 4,
};

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// SETTINGS_INITIAL_WINDOW_SIZE (4) = 2^31 - 1, and the connection's window raised to the same.
static const uint8_t settings[] = {0, 4, 0x7f, 0xff, 0xff, 0xff};
static const uint8_t window[] = {0x7f, 0xff, 0, 0};

// HPACK: ":method: POST" and ":scheme: http" by the static table, then four fields that enter the
// dynamic table, each as 0x40 | static name index (te has none), and after that their indexes.
static const char first_headers[] =
    "\x83\x86"
    "\x44\x27/tallystick.testing.v1.Conformance/Echo"
    "\x41\x09localhost"
    "\x5f\x10"
    "application/grpc"
    "\x40\x02te\x08trailers";
static const uint8_t later_headers[] = {0x83, 0x86, 0xc1, 0xc0, 0xbf, 0xbe};

static void put_frame(struct buffer *out, uint8_t type, uint8_t flags, uint32_t stream, const void *payload,
                      size_t length) {
  uint8_t header[HEADER_BYTES] = {
      (uint8_t)(length >> 16), (uint8_t)(length >> 8),  (uint8_t)length,        type,           flags,
      (uint8_t)(stream >> 24), (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream};
  buffer_append(out, header, sizeof header);
  buffer_append(out, payload, length);
}

static void send_call(struct run *run, struct connection *connection, struct slot *slot) {
  struct buffer *out = &connection->out;
  bool first = connection->next_round == 0;
  uint32_t stream = 2 * connection->next_round++ + 1;
  put_frame(out, FRAME_HEADERS, FLAG_END_HEADERS, stream,
            first ? (const void *)first_headers : (const void *)later_headers,
            first ? sizeof first_headers - 1 : sizeof later_headers);
  size_t length = echo_put(run, slot);
  uint8_t message[PREFIX_BYTES + MESSAGE_LIMIT_BYTES] = {0, (uint8_t)(length >> 24), (uint8_t)(length >> 16),
                                                         (uint8_t)(length >> 8), (uint8_t)length};
  memcpy(message + PREFIX_BYTES, run->scratch.bytes, length);
  put_frame(out, FRAME_DATA, FLAG_END_STREAM, stream, message, PREFIX_BYTES + length);
  connection->answered = false;
}

struct http_frame {
  uint8_t type;
  uint8_t flags;
  const uint8_t *payload;
  size_t length;
};

static bool peek(const struct buffer *in, struct http_frame *frame) {
  if (buffer_length(in) < HEADER_BYTES) return false;
  const uint8_t *at = buffer_front(in);
  size_t length = (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2];
  *frame = (struct http_frame){at[3], at[4], at + HEADER_BYTES, length};
  return buffer_length(in) >= HEADER_BYTES + length;
}

static void take_frame(struct run *run, struct connection *connection, const struct http_frame *frame) {
  struct slot *slot = connection->slots;
  switch (frame->type) {
    case FRAME_DATA:
      connection->answered =
          frame->length >= PREFIX_BYTES &&
          echo_matches(run, slot, frame->payload + PREFIX_BYTES, frame->length - PREFIX_BYTES);
      break;
    case FRAME_HEADERS:
      if (!(frame->flags & FLAG_END_STREAM)) break;
      if (connection->answered)
        run_succeed(run, connection, slot);
      else
        run_fail(run, connection, slot, "no echo", strlen("no echo"));
      break;
    case FRAME_SETTINGS:
      if (!(frame->flags & FLAG_ACKNOWLEDGE))
        put_frame(&connection->out, FRAME_SETTINGS, FLAG_ACKNOWLEDGE, 0, "", 0);
      break;
    case FRAME_PING:
      if (!(frame->flags & FLAG_ACKNOWLEDGE))
        put_frame(&connection->out, FRAME_PING, FLAG_ACKNOWLEDGE, 0, frame->payload, frame->length);
      break;
    case FRAME_RESET:  // without an error it only says that the server is done with the stream
      if (frame->payload[3] == 0) break;
      die("grpc: the server reset the stream, code %u", frame->payload[3]);
    case FRAME_GO_AWAY:  // u32 last stream, u32 code, text
      die("grpc: the server goes away, code %u: %.*s", frame->payload[7], (int)frame->length - 8,
          frame->payload + 8);
    default:
      break;  // window updates, and what a client may ignore
  }
}

static void receive(struct run *run, struct connection *connection) {
  struct http_frame frame;
  while (peek(&connection->in, &frame)) {
    take_frame(run, connection, &frame);
    buffer_take(&connection->in, HEADER_BYTES + frame.length);
  }
}

static void open_session(struct run *run, struct connection *connection) {
  if (run->options.workload != WORKLOAD_ECHO || run->options.depth != 1 ||
      run->options.payload > MESSAGE_LIMIT_BYTES / 2)
    die("grpc: only a small echo, one call in flight a connection");
  buffer_append(&connection->out, preface, sizeof preface - 1);
  put_frame(&connection->out, FRAME_SETTINGS, 0, 0, settings, sizeof settings);
  put_frame(&connection->out, FRAME_WINDOW_UPDATE, 0, 0, window, sizeof window);
}

const struct protocol grpc_protocol = {.open = open_session, .send = send_call, .receive = receive};
