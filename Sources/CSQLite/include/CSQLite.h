// The system's <sqlite3.h>, as a module that Swift can import, and the shims that Swift cannot call.
#pragma once
#include <sqlite3.h>
