// Runs, pages, statistics and lists of users. Field numbers are those of usage.proto, pages.proto and
// admin.proto.
#include "product_calls.h"

#include "calls.h"
#include "data.h"

enum { REQUEST_BYTES = 512, SECTION_LIMIT_BYTES = 512 };

const char usage_service[] = "tallystick.v1.UsageService";
const char page_service[] = "tallystick.v1.PageService";
const char admin_service[] = "tallystick.v1.AdminService";

// BeginRunRequest { user_id=1; run_id=2; model=3; type=4; estimate_micros=5; }
static uint8_t *put_begin(struct run *run, struct slot *slot) {
  uint8_t *at = put_user(buffer_reserve(&run->scratch, REQUEST_BYTES), slot->account);
  at = put_bytes(at, 2, slot->key, KEY_BYTES);
  at = put_text(at, 3, run_models[0]);
  at = put_text(at, 4, run_types[0]);
  return put_int64(at, 5, slot->amount_micros);
}

// BeginRunResponse { Run run=1; Hold hold=4; }: running, and the estimate is held.
static bool begun(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run;
  struct field begun, hold;
  return fields_find(reply, length, 1, WIRE_BYTES, &begun) && number_of(&begun, 5) == 1 &&
         fields_find(reply, length, 4, WIRE_BYTES, &hold) && number_of(&hold, 4) == slot->amount_micros;
}

// FinishRunRequest { run_id=1; status=2; input_tokens=3; output_tokens=4; cost_micros=6; }
static uint8_t *put_finish(struct run *run, struct slot *slot) {
  uint8_t *at = buffer_reserve(&run->scratch, REQUEST_BYTES);
  at = put_bytes(at, 1, slot->key, KEY_BYTES);
  at = put_int64(at, 2, 2);
  at = put_int64(at, 3, INPUT_TOKENS);
  at = put_int64(at, 4, OUTPUT_TOKENS);
  return put_int64(at, 6, slot->amount_micros / 2);
}

// FinishRunResponse { Run run=1; }: succeeded, and its cost was charged.
static bool finished(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run;
  struct field finished;
  return fields_find(reply, length, 1, WIRE_BYTES, &finished) && number_of(&finished, 5) == 2 &&
         number_of(&finished, 12) == slot->amount_micros / 2;
}

const struct workload_calls run_calls = {
    .calls = {{usage_service, "BeginRun", put_begin, begun},
              {usage_service, "FinishRun", put_finish, finished}},
    .count = 2,
};

static uint8_t *put_page_id(struct run *run, struct slot *slot) {
  return put_name(buffer_reserve(&run->scratch, REQUEST_BYTES), 1, "page-", slot->account);
}

static bool has_both_images(const struct field *section) {
  struct field image;
  return inner(section, 4, &image) && inner(section, 5, &image);
}

// GetPageResponse { Page page=1; }, Page { int64 version=5; repeated Section sections=6; }
static bool page_read(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run;
  struct field page;
  if (!fields_find(reply, length, 1, WIRE_BYTES, &page) ||
      count_of(&page, 6, has_both_images) != SECTIONS_A_PAGE)
    return false;
  slot->version = number_of(&page, 5);
  return slot->version > 0;
}

const struct workload_calls page_calls = {
    .calls = {{page_service, "GetPage", put_page_id, page_read}},
    .count = 1,
};

// SectionInput { section_id=1; kind=2; content=3; first_media_id=4; second_media_id=5; }
uint8_t *put_sections(struct run *run, uint8_t *at, uint32_t number, uint32_t account) {
  for (unsigned i = 0; i < SECTIONS_A_PAGE; i++) {
    uint8_t section[SECTION_LIMIT_BYTES];
    char content[CONTENT_BYTES];
    make_content(&run->random, content);
    uint8_t *end = put_name(section, 1, "section-", i);
    end = put_text(end, 2, "gallery");
    end = put_bytes(end, 3, content, sizeof content);
    end = put_name(end, 4, "media-", image_number(account, i, 0));
    end = put_name(end, 5, "media-", image_number(account, i, 1));
    at = put_bytes(at, number, section, (size_t)(end - section));
  }
  return at;
}

// SavePageRequest { page_id=1; expected_version=2; title=3; settings=4; repeated SectionInput sections=5; }
static uint8_t *put_save(struct run *run, struct slot *slot) {
  uint8_t *at = put_name(buffer_reserve(&run->scratch, PAGE_LIMIT_BYTES), 1, "page-", slot->account);
  at = put_int64(at, 2, slot->version);
  at = put_text(at, 3, "A page to sell");
  at = put_text(at, 4, "{\"theme\":\"light\"}");
  return put_sections(run, at, 5, slot->account);
}

// SavePageResponse { PageChange change=1; }, PageChange { Page page=1; }: the next version.
static bool saved(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run;
  struct field change, page;
  return fields_find(reply, length, 1, WIRE_BYTES, &change) && inner(&change, 1, &page) &&
         number_of(&page, 5) == slot->version + 1;
}

const struct workload_calls save_calls = {
    .calls = {{page_service, "GetPage", put_page_id, page_read}, {page_service, "SavePage", put_save, saved}},
    .count = 2,
    .timed_from = 1,
};

// GetStatsRequest { user_id=1; days=4; time_zone=5; recent_limit=6; }
static uint8_t *put_stats(struct run *run, struct slot *slot) {
  uint8_t *at = put_user(buffer_reserve(&run->scratch, REQUEST_BYTES), slot->account);
  at = put_int64(at, 4, DAYS);
  at = put_text(at, 5, run->options.zone);
  return put_int64(at, 6, RECENT_RUNS);
}

// GetStatsResponse { totals=1; by_model=2; by_type=3; by_status=4; days=5; recent=6; }
static bool stats_read(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)slot;
  struct field whole = {.bytes = reply, .length = length}, totals;
  return inner(&whole, 1, &totals) && number_of(&totals, 1) >= run->options.runs &&
         count_of(&whole, 2, NULL) == RUN_KINDS && count_of(&whole, 4, NULL) == 3 &&
         count_of(&whole, 5, NULL) == DAYS && count_of(&whole, 6, NULL) == RECENT_RUNS;
}

const struct workload_calls stats_calls = {
    .calls = {{usage_service, "GetStats", put_stats, stats_read}},
    .count = 1,
};

static uint8_t *put_run(struct run *run, struct slot *slot) {
  return put_recorded_run(run, buffer_reserve(&run->scratch, REQUEST_BYTES), slot->account, slot->key);
}

// RecordRunResponse { Run run=1; }
static bool recorded(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run;
  struct field recorded, user;
  return fields_find(reply, length, 1, WIRE_BYTES, &recorded) && inner(&recorded, 2, &user) &&
         names_user(&user, slot->account);
}

const struct workload_calls stats_cold_calls = {
    .calls = {{usage_service, "RecordRun", put_run, recorded},
              {usage_service, "GetStats", put_stats, stats_read}},
    .count = 2,
    .timed_from = 1,
};

// GetStatsRequest { by_spender=7; tag=8; }
static uint8_t *put_grouped_stats(struct run *run, struct slot *slot) {
  return put_text(put_int64(put_stats(run, slot), 7, 1), 8, tag_key);
}

// GetStatsResponse { by_spender=11; by_tag=12; }
static bool grouped_stats_read(const struct run *run, struct slot *slot, const uint8_t *reply,
                               size_t length) {
  struct field whole = {.bytes = reply, .length = length};
  return stats_read(run, slot, reply, length) && count_of(&whole, 11, NULL) == SPENDERS &&
         count_of(&whole, 12, NULL) == TAG_VALUES;
}

const struct workload_calls stats_groups_calls = {
    .calls = {{usage_service, "RecordRun", put_run, recorded},
              {usage_service, "GetStats", put_grouped_stats, grouped_stats_read}},
    .count = 2,
    .timed_from = 1,
};

// ListUsersRequest { sort=5; limit=8; }
static uint8_t *put_list(struct run *run, struct slot *slot) {
  (void)slot;
  uint8_t *at = put_int64(buffer_reserve(&run->scratch, REQUEST_BYTES), 5, 1);
  return put_int64(at, 8, run->options.items);
}

// Usage { string plan_id=8; int64 resets_at_micros=10; }
static bool usage_has_plan(const struct field *usage) {
  struct field plan;
  return inner(usage, 8, &plan) && number_of(usage, 10) > 0;
}

// User { UserSettings settings=1; Balance balance=2; Usage usage=3; }: with a plan, credit and usage.
static bool user_is_whole(const struct field *user) {
  struct field settings, plan, balance, usage;
  return inner(user, 1, &settings) && inner(&settings, 4, &plan) && inner(user, 2, &balance) &&
         number_of(&balance, 2) > 0 && inner(user, 3, &usage) && usage_has_plan(&usage);
}

// ListUsersResponse { repeated User users=1; }
static bool users_listed(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)slot;
  struct field whole = {.bytes = reply, .length = length};
  return count_of(&whole, 1, user_is_whole) == (int)run->options.items;
}

const struct workload_calls users_calls = {
    .calls = {{admin_service, "ListUsers", put_list, users_listed}},
    .count = 1,
};

// BatchGetUsageRequest { repeated string user_ids=1; }: `items` of them from a random one on.
static uint8_t *put_usage(struct run *run, struct slot *slot) {
  const struct options *options = &run->options;
  uint8_t *at =
      buffer_reserve(&run->scratch, (size_t)options->items * (ACCOUNT_NAME_BYTES + FIELD_OVERHEAD_BYTES));
  for (uint32_t i = 0; i < options->items; i++)
    at = put_user(at, options->first + (slot->account - options->first + i) % options->accounts);
  return at;
}

// BatchGetUsageResponse { repeated Usage usages=1; }
static bool usage_read(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)slot;
  struct field whole = {.bytes = reply, .length = length};
  return count_of(&whole, 1, usage_has_plan) == (int)run->options.items;
}

const struct workload_calls usage_calls = {
    .calls = {{usage_service, "BatchGetUsage", put_usage, usage_read}},
    .count = 1,
};
