// The report: one line of JSON on standard output.
#pragma once

#include "run.h"

void report_print(const struct run *run);
