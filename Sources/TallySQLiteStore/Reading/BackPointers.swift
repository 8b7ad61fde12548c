// How a user's rows are found: from the last one, which the account names, back along `previous` and `skip`.
//
// Invariants:
// 1. A walk only goes back, and only along rows of its account, so that it ends, and stays with its user,
//    whatever a damaged file says.
// 2. `skip` is taken while it does not lead past what is looked for: among a user's n rows one is found in
//    some n / 4,096 + 190 steps at most.

enum BackPointers {
  /// A table `back(sequence)`: rows of an account from its last one on, skipping, until one before a bound.
  /// The least of them is that one, or zero; in a damaged file it may be another account's.
  static func back(account: String, before bound: String) -> String {
    """
    back(sequence) AS (
      SELECT head FROM account WHERE id = \(account)
      UNION ALL
      SELECT iif(l.skip >= \(bound), l.skip, l.previous)
      FROM back CROSS JOIN ledger l ON l.sequence = back.sequence AND l.account = \(account)
      WHERE back.sequence >= \(bound) AND l.previous < l.sequence AND l.skip < l.sequence
    )
    """
  }

  /// A table `walk(sequence)`: rows of an account one by one, from one on, while they come after a bound.
  static func walk(account: String, from first: String, after bound: String) -> String {
    """
    walk(sequence) AS (
      SELECT sequence FROM (\(first)) WHERE sequence > \(bound)
      UNION ALL
      SELECT l.previous FROM walk CROSS JOIN ledger l ON l.sequence = walk.sequence AND l.account = \(account)
      WHERE l.previous > \(bound) AND l.previous < l.sequence
    )
    """
  }
}
