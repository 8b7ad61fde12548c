// The system's <protobuf-c/protobuf-c.h>, as a module that Swift can import, and the arena that
// messages are decoded into and encoded from.
#pragma once
#include <protobuf-c/protobuf-c.h>

#include "TallyArena.h"
