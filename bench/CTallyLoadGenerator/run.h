// A run: connections with calls in flight, and their results.
//
// Invariants:
// 1. Closed loop: a slot has one operation in flight and starts the next when that one ends. With a rate, an
//    operation begins when it is due, in whatever slot is free, and its time counts from then. One that finds
//    no free slot, or no socket that takes it, is left out and counted.
// 2. Only verified replies count as operations; everything else counts as an error, by name.
// 3. There is one thread, and a protocol reads or writes a socket only in `open`.
#pragma once

#include "buffer.h"
#include "histogram.h"
#include "keys.h"
#include "options.h"

enum {
  NAMED_ID_LIMIT_BYTES = 64,
  ERROR_KINDS_LIMIT = 16,
  ERROR_NAME_LIMIT_BYTES = 96,
};

// One operation in flight.
struct slot {
  uint64_t started_nanoseconds;
  uint64_t number;  // of the operation in the run, from 0
  uint32_t index;
  uint32_t account;
  int64_t amount_micros;
  unsigned phase;   // the step of an operation that takes several calls, from 0
  unsigned turn;    // postgres: how often a step that repeats was taken, from 0
  int64_t version;  // of the page that is saved
  char key[KEY_BYTES];
  char named_id[NAMED_ID_LIMIT_BYTES];  // what the second call names: a hold, a payment, a transaction
  size_t named_id_length;
};

struct connection {
  int descriptor;
  struct buffer in;
  struct buffer out;
  struct slot *slots;
  uint32_t next_round;   // ttrpc and grpc: makes stream ids unique
  uint32_t oldest;       // redis: replies come in order; the slot of the next one
  uint32_t *free_slots;  // with a rate: a stack
  uint32_t free_count;
  bool is_blocked;    // with a rate: the socket took only a part of what is to be sent
  bool answered;      // grpc: the answer is there, its end is not
  uint32_t rows;      // postgres: of the answer so far
  int64_t row_value;  // postgres: the number in the last row that began with one
};

struct run;

// The protocol of a target. `send` appends the next call of a slot; `receive` reads all whole replies and
// ends operations with run_succeed and run_fail. `operations` is the number of operations of a workload that
// makes data, and 0 for all others; it may be NULL.
struct protocol {
  uint64_t (*operations)(const struct options *options);
  void (*open)(struct run *run, struct connection *connection);
  void (*send)(struct run *run, struct connection *connection, struct slot *slot);
  void (*receive)(struct run *run, struct connection *connection);
};

struct error_kind {
  char name[ERROR_NAME_LIMIT_BYTES];
  uint64_t count;
};

struct run {
  struct options options;
  const struct protocol *protocol;
  struct random random;
  struct connection *connections;
  struct buffer scratch;  // for a protocol: a payload being built
  struct histogram histogram;
  struct histogram failures;  // the time of what ended with an error, with a rate
  struct error_kind errors[ERROR_KINDS_LIMIT];
  unsigned error_kinds;
  uint64_t limit;              // operations to begin; 0 is no limit but the time
  bool in_order;               // the accounts one after the other, not at random
  uint64_t started;            // operations begun
  uint64_t in_flight;          // operations begun and not ended
  uint64_t due;                // with a rate: operations that were due
  uint64_t left_out;           // of these, those that did not begin
  uint32_t turn;               // with a rate: the connection that is next
  bool is_over;                // with a rate: no more are due
  uint64_t begin_nanoseconds;  // of the measured part
  uint64_t end_nanoseconds;
  uint64_t last_nanoseconds;  // the last measured operation's end
};

extern const struct protocol ttrpc_protocol;
extern const struct protocol grpc_protocol;
extern const struct protocol postgres_protocol;
extern const struct protocol redis_protocol;

// Runs to the end; the result is in `run`.
void run_measure(struct run *run);

// Ends a slot's operation and starts its next one unless the run is over.
void run_succeed(struct run *run, struct connection *connection, struct slot *slot);
void run_fail(struct run *run, struct connection *connection, struct slot *slot, const char *name,
              size_t length);

// Starts an operation's clock again, since the calls so far only prepared it.
void run_restart_clock(struct slot *slot);

// Blocking connect, and blocking transfer for `open`.
int socket_connect(const char *path);
void socket_send(struct connection *connection);
void socket_receive(struct connection *connection);
