// Searches of one user's pages of text, and saves that change what is searched or as many bytes that are not.
// Field numbers are those of pages.proto.
#include "calls.h"
#include "data.h"

enum {
  SYLLABLES = 64,
  VOCABULARY = SYLLABLES * SYLLABLES,
  WORD_BYTES = 6,
  WORDS_A_TEXT = 290,
  TEXT_BYTES = WORDS_A_TEXT * (WORD_BYTES + 1),  // with the spaces: some 2 KB
  REQUEST_BYTES = 512,
  TEXT_PAGE_BYTES = 2 * TEXT_BYTES + REQUEST_BYTES,
  PREFIX_BYTES = 3,
};

static const char reader[] = "reader";  // whose pages these are

static char *put_syllable(char *at, uint32_t number) {
  *at++ = "bcdfghjklmnpr"[number / 5];
  *at++ = "aeiou"[number % 5];
  return at;
}

static char *put_word(char *at, uint32_t number) {
  at = put_syllable(at, number / SYLLABLES);
  at = put_syllable(at, number % SYLLABLES);
  return put_syllable(at, number * 7 % SYLLABLES);
}

// TEXT_BYTES of words. Half of them follow the one before in the vocabulary, so that phrases come again.
static void make_text(struct random *random, char *text) {
  uint32_t word = random_below(random, VOCABULARY);
  for (unsigned i = 0; i < WORDS_A_TEXT; i++) {
    text = put_word(text, word);
    *text++ = ' ';
    word = random_below(random, 2) == 0 ? (word + 1) % VOCABULARY : random_below(random, VOCABULARY);
  }
}

// The text that a page was made with.
static void first_text(uint32_t account, char *text) {
  struct random random = {.state = {account + 1, UINT64_C(0x9e3779b97f4a7c15)}};
  for (unsigned i = 0; i < 8; i++) random_next(&random);
  make_text(&random, text);
}

// CreatePageRequest { title=3; settings=4; repeated SectionInput sections=5; }, and so does SavePageRequest.
static uint8_t *put_content(uint8_t *at, const char *settings, const char *text) {
  uint8_t section[TEXT_PAGE_BYTES];
  uint8_t *end = put_text(section, 1, "section-0");
  end = put_text(end, 2, "text");
  end = put_bytes(end, 3, text, TEXT_BYTES);
  at = put_text(at, 3, "A page to read");
  at = put_bytes(at, 4, settings, TEXT_BYTES);
  return put_bytes(at, 5, section, (size_t)(end - section));
}

// CreatePageRequest { user_id=1; page_id=2; }
static uint8_t *put_text_page(struct run *run, struct slot *slot) {
  char text[TEXT_BYTES];
  first_text(slot->account, text);
  uint8_t *at = put_text(buffer_reserve(&run->scratch, TEXT_PAGE_BYTES), 1, reader);
  at = put_name(at, 2, "text-", slot->account);
  return put_content(at, text, text);
}

static bool has_version(const uint8_t *reply, size_t length, int64_t version) {
  struct field change, page;
  return fields_find(reply, length, 1, WIRE_BYTES, &change) && inner(&change, 1, &page) &&
         number_of(&page, 5) == version;
}

static bool text_page_made(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run, (void)slot;
  return has_version(reply, length, 1);
}

const struct workload_calls seed_texts_calls = {
    .calls = {{page_service, "CreatePage", put_text_page, text_page_made}},
    .count = 1,
};

static uint8_t *put_text_id(struct run *run, struct slot *slot) {
  return put_name(buffer_reserve(&run->scratch, REQUEST_BYTES), 1, "text-", slot->account);
}

// GetPageResponse { Page page=1; }, Page { int64 version=5; }
static bool text_page_read(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run;
  struct field page;
  if (!fields_find(reply, length, 1, WIRE_BYTES, &page)) return false;
  slot->version = number_of(&page, 5);
  return slot->version > 0;
}

// SavePageRequest { page_id=1; expected_version=2; }
static uint8_t *put_text_save(struct run *run, struct slot *slot, bool is_searched) {
  char first[TEXT_BYTES], new[TEXT_BYTES];
  first_text(slot->account, first);
  make_text(&run->random, new);
  uint8_t *at = put_name(buffer_reserve(&run->scratch, TEXT_PAGE_BYTES), 1, "text-", slot->account);
  at = put_int64(at, 2, slot->version);
  return put_content(at, is_searched ? first : new, is_searched ? new : first);
}

static uint8_t *put_new_text(struct run *run, struct slot *slot) { return put_text_save(run, slot, true); }

static uint8_t *put_new_settings(struct run *run, struct slot *slot) {
  return put_text_save(run, slot, false);
}

static bool text_saved(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run;
  return has_version(reply, length, slot->version + 1);
}

const struct workload_calls save_text_calls = {
    .calls = {{page_service, "GetPage", put_text_id, text_page_read},
              {page_service, "SavePage", put_new_text, text_saved}},
    .count = 2,
    .timed_from = 1,
};

const struct workload_calls save_settings_calls = {
    .calls = {{page_service, "GetPage", put_text_id, text_page_read},
              {page_service, "SavePage", put_new_settings, text_saved}},
    .count = 2,
    .timed_from = 1,
};

// SearchPagesRequest { user_id=1; query=2; }
static uint8_t *put_search(struct run *run, const char *query, size_t length) {
  uint8_t *at = put_text(buffer_reserve(&run->scratch, REQUEST_BYTES), 1, reader);
  return put_bytes(at, 2, query, length);
}

static uint8_t *put_word_search(struct run *run, struct slot *slot) {
  (void)slot;
  char query[WORD_BYTES];
  put_word(query, random_below(&run->random, VOCABULARY));
  return put_search(run, query, sizeof query);
}

static uint8_t *put_prefix_search(struct run *run, struct slot *slot) {
  (void)slot;
  char query[WORD_BYTES];
  put_word(query, random_below(&run->random, VOCABULARY));
  query[PREFIX_BYTES] = '*';
  return put_search(run, query, PREFIX_BYTES + 1);
}

// Two words that follow each other.
static uint8_t *put_phrase_search(struct run *run, struct slot *slot) {
  (void)slot;
  char query[2 * WORD_BYTES + 3];
  uint32_t word = random_below(&run->random, VOCABULARY - 1);
  char *at = query;
  *at++ = '"';
  at = put_word(at, word);
  *at++ = ' ';
  at = put_word(at, word + 1);
  *at = '"';
  return put_search(run, query, sizeof query);
}

// SearchPagesResponse { repeated PageMatch matches=1; }
static bool pages_found(const struct run *run, struct slot *slot, const uint8_t *reply, size_t length) {
  (void)run, (void)slot;
  struct field whole = {.bytes = reply, .length = length};
  return count_of(&whole, 1, NULL) > 0;
}

const struct workload_calls search_word_calls = {
    .calls = {{page_service, "SearchPages", put_word_search, pages_found}},
    .count = 1,
};

const struct workload_calls search_prefix_calls = {
    .calls = {{page_service, "SearchPages", put_prefix_search, pages_found}},
    .count = 1,
};

const struct workload_calls search_phrase_calls = {
    .calls = {{page_service, "SearchPages", put_phrase_search, pages_found}},
    .count = 1,
};
