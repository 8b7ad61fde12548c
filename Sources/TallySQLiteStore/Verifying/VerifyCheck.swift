// The checks of `verify`, as its reports number and name them.

enum VerifyCheck: Int, CaseIterable {
  case books = 1
  case balances = 2
  case chain = 3
  case allocations = 4
  case uniqueness = 5
  case usage = 6
  case pages = 7
  case schema = 8

  var title: String {
    switch self {
    case .books: "the books sum to zero, nothing is below it"
    case .balances: "balances, lots and holds add up"
    case .chain: "no gap, no step back in time, the chain recomputes"
    case .allocations: "debits equal their lots, holds settle once and in full"
    case .uniqueness: "keys, payments, grants and runs are unique"
    case .usage: "counters and caches agree with what they sum up"
    case .pages: "pages show their newest version and their owner's media"
    case .schema: "the file, its records, references and indexes are sound"
    }
  }
}
