// The data set: what a page and a run are made of, the same for every system that is measured.
#pragma once

#include "run.h"

enum {
  SECTIONS_A_PAGE = 10,
  IMAGES_A_SECTION = 2,
  IMAGES_A_PAGE = SECTIONS_A_PAGE * IMAGES_A_SECTION,
  CONTENT_BYTES = 256,  // of a section
  RUN_KINDS = 4,
  SPENDERS = 10,     // of an account
  TAG_VALUES = 20,   // of the tag
  DAYS = 30,         // of the dashboard
  SEEDED_DAYS = 29,  // over which runs are spread: within the dashboard's 30 in every zone
  RECENT_RUNS = 10,  // in the dashboard
  INPUT_TOKENS = 1200,
  OUTPUT_TOKENS = 400,
};

static const char plan_name[] = "pro";
static const char tag_key[] = "feature";       // which the plan declares
static const int64_t PLAN_LIMIT = 1000000000;  // counted, and never reached

static const char *const run_models[RUN_KINDS] = {"text-small", "text-large", "image-fast", "image-fine"};
static const char *const run_types[RUN_KINDS] = {"text", "text", "image", "image"};

// Writes CONTENT_BYTES of JSON that no other call writes.
void make_content(struct random *random, char *content);

// The number of a page's image, by the account whose page it is: one below 50,000.
static inline uint32_t image_number(uint32_t account, unsigned section, unsigned image) {
  return account * IMAGES_A_PAGE + section * IMAGES_A_SECTION + image;
}
