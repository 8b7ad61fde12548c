// The SQL of each workload: the schema of the audited system, with the indexes that its queries need, and
// each query in two forms. FORM_ORM is what an object mapper sends: a statement for each relation, counts for
// one user at a time where the audit found that, transactions from BEGIN to COMMIT, and a round trip for each
// statement. FORM_STATEMENT does the same work in one statement, or in as few as possible.
//
// Invariants:
// 1. A statement with the wrong number of rows fails the run.
#pragma once

#include "options.h"

// How many rows a statement returns: a number, or one of these.
enum { ROWS_SOME = -1, ROWS_ITEMS = -2, ROWS_ANY = -3 };

// How often a statement is sent: a number, or once for each item.
enum { TIMES_ITEMS = -1 };

struct statement {
  const char *sql;
  // A letter for each parameter, in order:
  //   u user, k key, a amount, h half the amount, s the seeded amount, r the last row's number
  //   p page, v its version, z time zone, l items, f first account, n accounts, N runs
  //   i the user of this turn in the list, t the turn, c new content, d and e the turn's two images
  //   F and T the first and the last run of this operation
  //   L users of the list, U users of the batch, C new contents, D and E first and second images: text[]
  const char *parameters;
  int rows;
  int times;  // 0 is once
};

enum { STATEMENTS_LIMIT = 16 };

struct script {
  unsigned count;
  unsigned timed_from;  // the statement that starts the clock
  struct statement statements[STATEMENTS_LIMIT];
};

extern const char postgres_schema[];

enum { RUNS_A_STATEMENT = 100000 };

// NULL when PostgreSQL does not have the workload.
const struct script *postgres_script(enum workload workload, enum form form);
