// Serves tallystick.v1.CreditService/Consume from a ledger on one thread. What arrives together is committed
// together.
#pragma once

#include "ledger.h"

void server_run(struct ledger *ledger, const char *socket_path);
