// Ends a benchmark that cannot go on, since a figure from a broken run is worse than none.
#pragma once

// Prints the message to standard error and exits 1.
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Prints the message with the text of errno and exits 1.
_Noreturn void die_errno(const char *format, ...) __attribute__((format(printf, 1, 2)));
