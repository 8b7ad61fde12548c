// Times a server from fork to its first reply, and its clean stop.
#pragma once

// `start --socket PATH -- COMMAND...` or `start --ephemeral -- COMMAND...`, where the server prints
// a line of JSON with its socket. Prints {"first_reply_micros":..,"stop_micros":..}; returns the
// status.
int start_measure(int count, char **arguments);
