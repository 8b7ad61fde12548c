// Requests that are used both for making the data set and for measuring.
#pragma once

#include "run.h"

enum { PAGE_LIMIT_BYTES = 8192 };

// RecordRunRequest of a run that has ended, at some time of the last SEEDED_DAYS.
uint8_t *put_recorded_run(struct run *run, uint8_t *at, uint32_t account, const char *key);

// A page's sections, each with new content and its two images, each under field `number`.
uint8_t *put_sections(struct run *run, uint8_t *at, uint32_t number, uint32_t account);
