// The text of all statements.
#include "postgres_scripts.h"

#include <stddef.h>

#define USER(number) "'user-' || lpad((" number ")::text, 6, '0')"
#define PAGE(number) "'page-' || lpad((" number ")::text, 6, '0')"
#define MEDIA(number) "'media-' || lpad((" number ")::text, 6, '0')"

// No foreign keys but those that cascade, in PostgreSQL's favour.
const char postgres_schema[] =
    "CREATE TABLE account (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " user_id text NOT NULL UNIQUE, balance_micros bigint NOT NULL CHECK (balance_micros >= 0),"
    " held_micros bigint NOT NULL DEFAULT 0 CHECK (held_micros >= 0)) WITH (fillfactor = 50);"
    "CREATE TABLE ledger (sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " account bigint NOT NULL, amount_micros bigint NOT NULL, balance_after_micros bigint NOT NULL,"
    " idempotency_key text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),"
    " UNIQUE (idempotency_key, account));"
    "CREATE INDEX ledger_history ON ledger (account, sequence);"
    "CREATE TABLE users (id text PRIMARY KEY, created_at timestamptz NOT NULL);"
    "CREATE INDEX users_newest ON users (created_at DESC, id);"
    "CREATE TABLE plan (id text PRIMARY KEY, monthly_generations bigint, monthly_uploads bigint,"
    " page_count bigint);"
    "CREATE TABLE user_settings (user_id text PRIMARY KEY, email text NOT NULL, role text NOT NULL,"
    " approval text NOT NULL, plan_id text);"
    "CREATE TABLE generation (id text PRIMARY KEY, user_id text NOT NULL, model text NOT NULL,"
    " type text NOT NULL, status text NOT NULL, estimate_micros bigint NOT NULL DEFAULT 0,"
    " input_tokens bigint NOT NULL DEFAULT 0, output_tokens bigint NOT NULL DEFAULT 0,"
    " images bigint NOT NULL DEFAULT 0, cost_micros bigint NOT NULL DEFAULT 0,"
    " created_at timestamptz NOT NULL) WITH (fillfactor = 90);"
    "CREATE INDEX generation_history ON generation (user_id, created_at);"
    "CREATE TABLE media (id text PRIMARY KEY, user_id text NOT NULL, url text NOT NULL, width int NOT NULL,"
    " height int NOT NULL, byte_count bigint NOT NULL, mime_type text NOT NULL, source text NOT NULL,"
    " created_at timestamptz NOT NULL);"
    "CREATE INDEX media_history ON media (user_id, source, created_at);"
    "CREATE TABLE page (id text PRIMARY KEY, user_id text NOT NULL, title text NOT NULL,"
    " settings text NOT NULL, version bigint NOT NULL, created_at timestamptz NOT NULL,"
    " updated_at timestamptz NOT NULL, deleted_at timestamptz);"
    "CREATE INDEX page_history ON page (user_id, created_at) WHERE deleted_at IS NULL;"
    "CREATE TABLE section (id text PRIMARY KEY,"
    " page_id text NOT NULL REFERENCES page ON DELETE CASCADE, place bigint NOT NULL, kind text NOT NULL,"
    " content text NOT NULL, first_media_id text, second_media_id text);"
    "CREATE INDEX section_order ON section (page_id, place)";

// What a user did in a month: generations, uploads, pages.
#define GENERATIONS(user)                                 \
  "SELECT count(*) FROM generation WHERE user_id = " user \
  " AND created_at >= date_trunc('month', now(), 'UTC')"  \
  " AND created_at < date_trunc('month', now(), 'UTC') + interval '1 month' AND status = 'succeeded'"
#define UPLOADS(user)                                    \
  "SELECT count(*) FROM media WHERE user_id = " user     \
  " AND source = 'upload'"                               \
  " AND created_at >= date_trunc('month', now(), 'UTC')" \
  " AND created_at < date_trunc('month', now(), 'UTC') + interval '1 month'"
#define PAGES(user) "SELECT count(*) FROM page WHERE user_id = " user " AND deleted_at IS NULL"

static const struct script seed = {1,
                                   0,
                                   {{"INSERT INTO account (user_id, balance_micros) SELECT " USER(
                                         "n") ", $3::bigint"
                                              " FROM generate_series($1::bigint, $1 + $2::bigint - 1) n",
                                     "fns", 0, 0}}};

static const struct script seed_plan = {
    1, 0, {{"INSERT INTO plan VALUES ('pro', 1000000000, 1000000000, 1000000000)", "", 0, 0}}};

static const struct script seed_settings = {
    1,
    0,
    {{"WITH made AS (INSERT INTO users SELECT " USER(
          "n") ", now() + n * interval '1 ms'"
               " FROM generate_series($1::bigint, $1 + $2::bigint - 1) n RETURNING id)"
               " INSERT INTO user_settings SELECT id, id || '@example.com', 'user', 'approved', 'pro' FROM "
               "made",
      "fn", 0, 0}}};

// In the order of time, as real runs are inserted.
static const struct script seed_runs = {
    1,
    0,
    {{"INSERT INTO generation SELECT 'run-' || $1::bigint::text || '-' || n, " USER(
          "$1::bigint + n % $2::bigint") ","
                                         " (ARRAY['text-small', 'text-large', 'image-fast', 'image-fine'])[1 "
                                         "+ k],"
                                         " (ARRAY['text', 'text', 'image', 'image'])[1 + k],"
                                         " CASE WHEN f < 94 THEN 'succeeded' WHEN f < 99 THEN 'failed' ELSE "
                                         "'cancelled' END,"
                                         " 0, 1200, 400, 0, 1 + n % 5000, now() - interval '29 days' * (1 - "
                                         "n / $3::bigint::float8)"
                                         " FROM generate_series($4::bigint, $5::bigint) n,"
                                         " LATERAL (SELECT (random() * 4 + n * 0)::int % 4 AS k, random() * "
                                         "100 + n * 0 AS f) random",
      "fnNFT", 0, 0}}};

static const struct script seed_media = {
    1,
    0,
    {{"INSERT INTO media SELECT " MEDIA("a * 20 + m") ", " USER(
          "a") ","
               " 'https://images.example.com/generated/1024x768/' || m, 1024, 768, 182044, 'image/webp', "
               "'upload', now()"
               " FROM generate_series($1::bigint, $1 + $2::bigint - 1) a, generate_series(0, 19) m",
      "fn", 0, 0}}};

static const struct script seed_pages = {
    2,
    0,
    {{"INSERT INTO page SELECT " PAGE("a") ", " USER(
          "a") ", 'A page to sell', '{\"theme\":\"light\"}', 1,"
               " now(), now() FROM generate_series($1::bigint, $1 + $2::bigint - 1) a",
      "fn", 0, 0},
     {"INSERT INTO section SELECT " PAGE("a") " || '-' || s, " PAGE(
          "a") ", s, 'gallery',"
               " rpad('{\"text\":\"' || md5(a::text || s), 254, 'x') || '\"}', " MEDIA(
                   "a * 20 + 2 * "
                   "s") ", " MEDIA("a * 20 + 2 * s + 1") " FROM generate_series($1::bigint, $1 + $2::bigint "
                                                         "- 1) a, "
                                                         "generate_series(0, 9) s",
      "fn", 0, 0}}};

// Check, debit and ledger row in one statement and one round trip.
static const struct script consume = {
    1,
    0,
    {{"WITH debit AS (UPDATE account SET balance_micros = balance_micros - $2"
      " WHERE user_id = $1 AND balance_micros >= $2 RETURNING id, balance_micros)"
      " INSERT INTO ledger (account, amount_micros, balance_after_micros, idempotency_key)"
      " SELECT id, -$2::bigint, balance_micros, $3 FROM debit RETURNING balance_after_micros",
      "uak", 1, 0}}};

#define LEDGER_ROW                                                                     \
  "INSERT INTO ledger (account, amount_micros, balance_after_micros, idempotency_key)" \
  " VALUES ((SELECT id FROM account WHERE user_id = $1), -$2::bigint, $3, $4)"         \
  " RETURNING balance_after_micros"

static const struct script consume_orm = {
    4,
    0,
    {{"BEGIN", "", 0, 0},
     {"UPDATE account SET balance_micros = balance_micros - $2"
      " WHERE user_id = $1 AND balance_micros >= $2 RETURNING balance_micros",
      "ua", 1, 0},
     {LEDGER_ROW, "uark", 1, 0},
     {"COMMIT", "", 0, 0}}};

static const struct script balance = {
    1, 0, {{"SELECT balance_micros FROM account WHERE user_id = $1", "u", 1, 0}}};

// Quota, hold, ledger row and run; then run, charge and ledger row.
static const struct script run = {
    2,
    0,
    {{"WITH held AS (UPDATE account SET balance_micros = balance_micros - $2, held_micros = held_micros + $2"
      " WHERE user_id = $1 AND balance_micros >= $2 AND (" GENERATIONS(
          "$1") ") <"
                " (SELECT monthly_generations FROM plan JOIN user_settings s ON s.plan_id = plan.id WHERE "
                "s.user_id = $1)"
                " RETURNING id, balance_micros),"
                " entry AS (INSERT INTO ledger (account, amount_micros, balance_after_micros, "
                "idempotency_key)"
                " SELECT id, 0, balance_micros, $3 FROM held)"
                " INSERT INTO generation (id, user_id, model, type, status, estimate_micros, created_at)"
                " SELECT $3, $1, 'text-small', 'text', 'running', $2, now() FROM held RETURNING "
                "estimate_micros",
      "uak", 1, 0},
     {"WITH ended AS (UPDATE generation SET status = 'succeeded', input_tokens = 1200, output_tokens = 400,"
      " cost_micros = $2 WHERE id = $1 AND status = 'running' RETURNING user_id, estimate_micros),"
      " settled AS (UPDATE account SET held_micros = held_micros - estimate_micros,"
      " balance_micros = balance_micros + estimate_micros - $2 FROM ended"
      " WHERE account.user_id = ended.user_id RETURNING account.id, balance_micros)"
      " INSERT INTO ledger (account, amount_micros, balance_after_micros, idempotency_key)"
      " SELECT id, -$2::bigint, balance_micros, $1 || '/end' FROM settled RETURNING balance_after_micros",
      "kh", 1, 0}}};

static const struct script run_orm = {
    13,
    0,
    {{"BEGIN", "", 0, 0},
     {"SELECT * FROM user_settings WHERE user_id = $1", "u", 1, 0},
     {"SELECT * FROM plan WHERE id = 'pro'", "", 1, 0},
     {GENERATIONS("$1"), "u", 1, 0},
     {"UPDATE account SET balance_micros = balance_micros - $2, held_micros = held_micros + $2"
      " WHERE user_id = $1 AND balance_micros >= $2 RETURNING balance_micros",
      "ua", 1, 0},
     {"INSERT INTO ledger (account, amount_micros, balance_after_micros, idempotency_key)"
      " VALUES ((SELECT id FROM account WHERE user_id = $1), 0, $2, $3) RETURNING balance_after_micros",
      "urk", 1, 0},
     {"INSERT INTO generation (id, user_id, model, type, status, estimate_micros, created_at)"
      " VALUES ($1, $2, 'text-small', 'text', 'running', $3, now())",
      "kua", 0, 0},
     {"COMMIT", "", 0, 0},
     {"BEGIN", "", 0, 0},
     {"UPDATE generation SET status = 'succeeded', input_tokens = 1200, output_tokens = 400, cost_micros = $2"
      " WHERE id = $1 AND status = 'running' RETURNING estimate_micros",
      "kh", 1, 0},
     {"UPDATE account SET held_micros = held_micros - $2, balance_micros = balance_micros + $2 - $3"
      " WHERE user_id = $1 RETURNING balance_micros",
      "uah", 1, 0},
     {"INSERT INTO ledger (account, amount_micros, balance_after_micros, idempotency_key)"
      " VALUES ((SELECT id FROM account WHERE user_id = $1), -$2::bigint, $3, $4 || '/end')"
      " RETURNING balance_after_micros",
      "uhrk", 1, 0},
     {"COMMIT", "", 0, 0}}};

static const struct script page = {
    1,
    0,
    {{"SELECT p.title, p.settings, p.version, p.updated_at, s.*, a.*, b.* FROM page p"
      " JOIN section s ON s.page_id = p.id LEFT JOIN media a ON a.id = s.first_media_id"
      " LEFT JOIN media b ON b.id = s.second_media_id"
      " WHERE p.id = $1 AND p.deleted_at IS NULL ORDER BY s.place",
      "p", 10, 0}}};

static const struct script page_orm = {
    4,
    0,
    {{"SELECT * FROM page WHERE id = $1 AND deleted_at IS NULL", "p", 1, 0},
     {"SELECT * FROM section WHERE page_id = $1 ORDER BY place", "p", 10, 0},
     {"SELECT * FROM media WHERE id = ANY($1)", "D", 10, 0},
     {"SELECT * FROM media WHERE id = ANY($1)", "E", 10, 0}}};

#define VERSION "SELECT version FROM page WHERE id = $1"

// Upsert by id, and the absent ones removed.
static const struct script save = {
    2,
    1,
    {{VERSION, "p", 1, 0},
     {"WITH saved AS (UPDATE page SET version = version + 1, updated_at = now()"
      " WHERE id = $1 AND version = $2 RETURNING id, version),"
      " given AS (SELECT saved.id || '-' || g.place - 1 AS id, saved.id AS page_id, g.place - 1 AS place,"
      " g.content, g.a, g.b FROM saved, unnest($3::text[], $4::text[], $5::text[])"
      " WITH ORDINALITY AS g (content, a, b, place)),"
      " kept AS (INSERT INTO section SELECT id, page_id, place, 'gallery', content, a, b FROM given"
      " ON CONFLICT (id) DO UPDATE SET place = excluded.place, kind = excluded.kind,"
      " content = excluded.content, first_media_id = excluded.first_media_id,"
      " second_media_id = excluded.second_media_id),"
      " gone AS (DELETE FROM section USING saved WHERE page_id = saved.id"
      " AND NOT EXISTS (SELECT 1 FROM given WHERE given.id = section.id))"
      " SELECT version FROM saved",
      "pvCDE", 1, 0}}};

// Deleted and made anew, section by section.
static const struct script save_orm = {
    7,
    1,
    {{VERSION, "p", 1, 0},
     {"BEGIN", "", 0, 0},
     {"SELECT * FROM page WHERE id = $1", "p", 1, 0},
     {"UPDATE page SET version = version + 1, updated_at = now() WHERE id = $1 RETURNING version", "p", 1, 0},
     {"DELETE FROM section WHERE page_id = $1", "p", 0, 0},
     {"INSERT INTO section VALUES ($1 || '-' || $2::bigint::text, $1, $2, 'gallery', $3, $4, $5)", "ptcde", 0,
      10},
     {"COMMIT", "", 0, 0}}};

#define SINCE(zone) "(date_trunc('day', now(), " zone ") - interval '29 days')"
#define SUMS "count(*), sum(cost_micros), sum(input_tokens), sum(output_tokens), sum(images)"
#define RANGE "FROM generation WHERE user_id = $1 AND created_at >= " SINCE("$2")

// One pass into some 360 cells, then all groupings of those; without the recent runs, in its favour.
static const struct script stats = {
    1,
    0,
    {{"WITH cells AS (SELECT model, type, status, date_trunc('day', created_at, $2) AS day, count(*) AS runs,"
      " sum(cost_micros) AS cost, sum(input_tokens) AS input, sum(output_tokens) AS output,"
      " sum(images) AS images " RANGE " GROUP BY 1, 2, 3, 4)"
      " SELECT grouping(model, type, status, day), model, type, status, day, sum(runs), sum(cost), "
      "sum(input),"
      " sum(output), sum(images), sum(runs) FILTER (WHERE status = 'failed') FROM cells"
      " GROUP BY GROUPING SETS ((), (model), (type), (status), (day))",
      "uz", ROWS_SOME, 0}}};

static const struct script stats_orm = {
    6,
    0,
    {{"SELECT " SUMS " " RANGE, "uz", 1, 0},
     {"SELECT model, " SUMS " " RANGE " GROUP BY model", "uz", ROWS_SOME, 0},
     {"SELECT type, " SUMS " " RANGE " GROUP BY type", "uz", ROWS_SOME, 0},
     {"SELECT status, " SUMS " " RANGE " GROUP BY status", "uz", ROWS_SOME, 0},
     {"SELECT date_trunc('day', created_at, $2) AS day, " SUMS " " RANGE " GROUP BY 1 ORDER BY 1", "uz",
      ROWS_SOME, 0},
     {"SELECT * FROM generation WHERE user_id = $1 ORDER BY created_at DESC LIMIT 10", "u", 10, 0}}};

static const struct script users = {
    1,
    0,
    {{"SELECT u.id, u.created_at, s.email, s.role, s.approval, s.plan_id, a.balance_micros, a.held_micros,"
      " (" GENERATIONS("u.id") "), (" UPLOADS("u.id") "), (" PAGES(
          "u.id") "),"
                  " p.monthly_generations, p.monthly_uploads, p.page_count"
                  " FROM (SELECT id, created_at FROM users ORDER BY created_at DESC, id LIMIT $1) u"
                  " LEFT JOIN user_settings s ON s.user_id = u.id LEFT JOIN account a ON a.user_id = u.id"
                  " LEFT JOIN plan p ON p.id = s.plan_id ORDER BY u.created_at DESC, u.id",
      "l", ROWS_ITEMS, 0}}};

// 2 + 3N.
static const struct script users_orm = {
    5,
    0,
    {{"SELECT * FROM users ORDER BY created_at DESC, id LIMIT $1", "l", ROWS_ITEMS, 0},
     {"SELECT s.*, a.balance_micros FROM user_settings s LEFT JOIN account a ON a.user_id = s.user_id"
      " WHERE s.user_id = ANY($1)",
      "L", ROWS_ITEMS, 0},
     {GENERATIONS("$1"), "i", 1, TIMES_ITEMS},
     {UPLOADS("$1"), "i", 1, TIMES_ITEMS},
     {PAGES("$1"), "i", 1, TIMES_ITEMS}}};

static const struct script usage = {
    1,
    0,
    {{"SELECT u.id, s.plan_id, (" GENERATIONS("u.id") "), (" UPLOADS("u.id") "), (" PAGES(
          "u.id") "),"
                  " p.monthly_generations, p.monthly_uploads, p.page_count"
                  " FROM unnest($1::text[]) WITH ORDINALITY AS u (id, place)"
                  " LEFT JOIN user_settings s ON s.user_id = u.id LEFT JOIN plan p ON p.id = s.plan_id ORDER "
                  "BY u.place",
      "U", ROWS_ITEMS, 0}}};

// Grouped, since 3N of them would be 3,000.
static const struct script usage_orm = {
    4,
    0,
    {{"SELECT * FROM user_settings WHERE user_id = ANY($1)", "U", ROWS_ITEMS, 0},
     {"SELECT user_id, count(*) FROM generation WHERE user_id = ANY($1) AND status = 'succeeded'"
      " AND created_at >= date_trunc('month', now(), 'UTC')"
      " AND created_at < date_trunc('month', now(), 'UTC') + interval '1 month' GROUP BY user_id",
      "U", ROWS_SOME, 0},
     {"SELECT user_id, count(*) FROM media WHERE user_id = ANY($1) AND source = 'upload'"
      " AND created_at >= date_trunc('month', now(), 'UTC')"
      " AND created_at < date_trunc('month', now(), 'UTC') + interval '1 month' GROUP BY user_id",
      "U", ROWS_ANY, 0},
     {"SELECT user_id, count(*) FROM page WHERE user_id = ANY($1) AND deleted_at IS NULL GROUP BY user_id",
      "U", ROWS_ANY, 0}}};

const struct script *postgres_script(enum workload workload, enum form form) {
  // The object mapper's form where there is one, else the single statement.
  static const struct script *const scripts[WORKLOADS][2] = {
      [WORKLOAD_SEED] = {&seed, NULL},
      [WORKLOAD_CONSUME] = {&consume, &consume_orm},
      [WORKLOAD_BALANCE] = {&balance, NULL},
      [WORKLOAD_RUN] = {&run, &run_orm},
      [WORKLOAD_CHECK] = {&balance, NULL},
      [WORKLOAD_PAGE] = {&page, &page_orm},
      [WORKLOAD_SAVE] = {&save, &save_orm},
      [WORKLOAD_STATS] = {&stats, &stats_orm},
      [WORKLOAD_USERS] = {&users, &users_orm},
      [WORKLOAD_USAGE] = {&usage, &usage_orm},
      [WORKLOAD_SEED_PLAN] = {&seed_plan, NULL},
      [WORKLOAD_SEED_SETTINGS] = {&seed_settings, NULL},
      [WORKLOAD_SEED_RUNS] = {&seed_runs, NULL},
      [WORKLOAD_SEED_MEDIA] = {&seed_media, NULL},
      [WORKLOAD_SEED_PAGES] = {&seed_pages, NULL},
  };
  const struct script *other = scripts[workload][1];
  return form == FORM_ORM && other != NULL ? other : scripts[workload][0];
}
