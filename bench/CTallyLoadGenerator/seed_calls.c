// Makes the data set of users, runs, media and pages. Field numbers are those of usage.proto, pages.proto and
// admin.proto.
#include "calls.h"
#include "data.h"
#include "product_calls.h"

enum { REQUEST_BYTES = 512, RUN_LIMIT_BYTES = 256, RUN_STATUSES_OF_100 = 94 };

static const int64_t DAY_MICROS = 86400000000;

uint64_t seed_operations(const struct options *options) {
  switch (options->workload) {
    case WORKLOAD_SEED:
    case WORKLOAD_SEED_SETTINGS:
    case WORKLOAD_SEED_PAGES:
    case WORKLOAD_SEED_TEXTS:
      return options->accounts;
    case WORKLOAD_SEED_PLAN:
      return 1;
    case WORKLOAD_SEED_RUNS:
      return (options->runs + options->items - 1) / options->items;
    case WORKLOAD_SEED_MEDIA:
      return (uint64_t)options->accounts * IMAGES_A_PAGE;
    default:
      return 0;
  }
}

// PutPlanRequest { Plan plan=1; }
static uint8_t *put_plan(struct run *run, struct slot *slot) {
  (void)slot;
  uint8_t plan[REQUEST_BYTES], limits[3 * FIELD_OVERHEAD_BYTES], price[3 * FIELD_OVERHEAD_BYTES];
  uint8_t *limits_end = limits;
  for (uint32_t number = 1; number <= 3; number++) limits_end = put_int64(limits_end, number, PLAN_LIMIT);
  uint8_t *price_end = put_int64(price, 2, 150000);
  price_end = put_int64(price_end, 3, 600000);
  uint8_t *at = put_text(plan, 1, plan_name);
  at = put_int64(at, 3, SEEDED_MICROS);
  at = put_int64(at, 4, 1);
  at = put_bytes(at, 8, limits, (size_t)(limits_end - limits));
  at = put_bytes(at, 10, price, (size_t)(price_end - price));
  uint8_t tags[FIELD_OVERHEAD_BYTES + sizeof tag_key];
  uint8_t *tags_end = put_text(tags, 1, tag_key);
  at = put_bytes(at, 20, tags, (size_t)(tags_end - tags));
  return put_bytes(buffer_reserve(&run->scratch, REQUEST_BYTES), 1, plan, (size_t)(at - plan));
}

static bool plan_put(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run, (void)slot;
  struct field plan;
  return fields_find(reply, length, 1, WIRE_BYTES, &plan);
}

const struct workload_calls seed_plan_calls = {
    .calls = {{usage_service, "PutPlan", put_plan, plan_put}},
    .count = 1,
};

// PutUserSettingsRequest { UserSettings settings=1; }
static uint8_t *put_settings(struct run *run, struct slot *slot) {
  uint8_t settings[REQUEST_BYTES];
  uint8_t *at = put_user(settings, slot->account);
  at = put_name(at, 2, "user@example.com/", slot->account);
  at = put_int64(at, 3, 1);
  at = put_text(at, 4, plan_name);
  at = put_int64(at, 5, 2);
  return put_bytes(buffer_reserve(&run->scratch, REQUEST_BYTES), 1, settings, (size_t)(at - settings));
}

static bool settings_put(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run;
  struct field settings, user;
  return fields_find(reply, length, 1, WIRE_BYTES, &settings) && inner(&settings, 1, &user) &&
         names_user(&user, slot->account);
}

const struct workload_calls seed_settings_calls = {
    .calls = {{admin_service, "PutUserSettings", put_settings, settings_put}},
    .count = 1,
};

static int64_t some_time_ago(struct random *random) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  int64_t micros = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
  return micros - (int64_t)(random_next(random) % (uint64_t)(SEEDED_DAYS * DAY_MICROS));
}

uint8_t *put_recorded_run(struct run *run, uint8_t *at, uint32_t account, const char *key) {
  uint32_t kind = random_below(&run->random, RUN_KINDS);
  uint32_t fate = random_below(&run->random, 100);
  at = put_bytes(at, 1, key, KEY_BYTES);
  at = put_name(at, 2, "user-", account);
  at = put_text(at, 3, run_models[kind]);
  at = put_text(at, 4, run_types[kind]);
  at = put_int64(at, 5, fate < RUN_STATUSES_OF_100 ? 2 : fate < 99 ? 3 : 4);
  at = put_int64(at, 6, INPUT_TOKENS);
  at = put_int64(at, 7, OUTPUT_TOKENS);
  at = put_int64(at, 9, 1 + random_below(&run->random, 5000));
  at = put_int64(at, 10, some_time_ago(&run->random));
  at = put_name(at, 16, "member-", random_below(&run->random, SPENDERS));
  uint8_t tag[4 * FIELD_OVERHEAD_BYTES + sizeof tag_key];
  uint8_t *tag_end = put_text(tag, 1, tag_key);
  tag_end = put_name(tag_end, 2, "f-", random_below(&run->random, TAG_VALUES));
  return put_bytes(at, 17, tag, (size_t)(tag_end - tag));
}

static uint32_t runs_in_call(const struct run *run, const struct slot *slot) {
  uint64_t left = run->options.runs - slot->number * run->options.items;
  return left < run->options.items ? (uint32_t)left : run->options.items;
}

// RecordRunsRequest { repeated RecordRunRequest runs=1; }
static uint8_t *put_runs(struct run *run, struct slot *slot) {
  uint32_t count = runs_in_call(run, slot);
  uint8_t *at = buffer_reserve(&run->scratch, (size_t)count * (RUN_LIMIT_BYTES + FIELD_OVERHEAD_BYTES));
  for (uint32_t i = 0; i < count; i++) {
    uint8_t item[RUN_LIMIT_BYTES];
    char key[KEY_BYTES];
    make_key(&run->random, true, key);
    uint64_t number = slot->number * run->options.items + i;
    uint32_t account = run->options.first + (uint32_t)(number % run->options.accounts);
    const uint8_t *end = put_recorded_run(run, item, account, key);
    at = put_bytes(at, 1, item, (size_t)(end - item));
  }
  return at;
}

static bool without_error(const struct field *result) {
  struct field error;
  return !inner(result, 3, &error);
}

// RecordRunsResponse { repeated RecordRunResult results=1; }, RecordRunResult { ItemError error=3; }
static bool runs_recorded(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  struct field whole = {.bytes = reply, .length = length};
  return count_of(&whole, 1, without_error) == (int)runs_in_call(run, slot);
}

const struct workload_calls seed_runs_calls = {
    .calls = {{usage_service, "RecordRuns", put_runs, runs_recorded}},
    .count = 1,
};

// CreateMediaRequest: all images of an account's page follow one another.
static uint8_t *put_media(struct run *run, struct slot *slot) {
  unsigned image = (unsigned)(slot->number / run->options.accounts);
  uint32_t number = image_number(slot->account, image / IMAGES_A_SECTION, image % IMAGES_A_SECTION);
  uint8_t *at = put_user(buffer_reserve(&run->scratch, REQUEST_BYTES), slot->account);
  at = put_name(at, 2, "media-", number);
  at = put_name(at, 3, "https://images.example.com/generated/1024x768/", number);
  at = put_int64(at, 4, 1024);
  at = put_int64(at, 5, 768);
  at = put_int64(at, 6, 182044);
  at = put_text(at, 7, "image/webp");
  return put_int64(at, 8, 1);
}

static bool media_made(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run;
  struct field media, user;
  return fields_find(reply, length, 1, WIRE_BYTES, &media) && inner(&media, 2, &user) &&
         names_user(&user, slot->account);
}

const struct workload_calls seed_media_calls = {
    .calls = {{page_service, "CreateMedia", put_media, media_made}},
    .count = 1,
};

// CreatePageRequest { user_id=1; page_id=2; title=3; settings=4; repeated SectionInput sections=5; }
static uint8_t *put_page(struct run *run, struct slot *slot) {
  uint8_t *at = put_user(buffer_reserve(&run->scratch, PAGE_LIMIT_BYTES), slot->account);
  at = put_name(at, 2, "page-", slot->account);
  at = put_text(at, 3, "A page to sell");
  at = put_text(at, 4, "{\"theme\":\"light\"}");
  return put_sections(run, at, 5, slot->account);
}

static bool page_made(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run, (void)slot;
  struct field change, page;
  return fields_find(reply, length, 1, WIRE_BYTES, &change) && inner(&change, 1, &page) &&
         number_of(&page, 5) == 1;
}

const struct workload_calls seed_pages_calls = {
    .calls = {{page_service, "CreatePage", put_page, page_made}},
    .count = 1,
};
