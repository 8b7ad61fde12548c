// The echo's message, the same over ttrpc and gRPC.
//
// EchoRequest and EchoResponse { string text=1; int64 number=2; bytes body=3; }
#pragma once

#include "run.h"

// Writes the request to the run's scratch buffer; returns its length.
size_t echo_put(struct run *run, const struct slot *slot);

// The reply carries the slot's number and a body of the length asked for.
bool echo_matches(const struct run *run, const struct slot *slot, const uint8_t *reply, size_t length);
