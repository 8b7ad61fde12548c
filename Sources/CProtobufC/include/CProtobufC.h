// The system's <protobuf-c/protobuf-c.h>, as a module that Swift can import, and the shims that Swift cannot call.
#pragma once
#include <protobuf-c/protobuf-c.h>
