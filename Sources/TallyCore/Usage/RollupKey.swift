// What runs and uploads are counted under.
//
// Invariants:
// 1. Months are numbered from year 0: year x 12 + month - 1.

/// A rollup row's key.
struct RollupKey: Hashable, Comparable {
  /// An account under which nothing is ever counted; zero is everybody's.
  static let nobody: Int64 = -1

  /// Since the epoch, UTC.
  var day: Int64
  /// Zero stands for all users.
  var account: Int64
  /// Zero stands for all models and types.
  var label: Int64

  static func < (left: Self, right: Self) -> Bool {
    (left.day, left.account, left.label) < (right.day, right.account, right.label)
  }
}

/// What a user did in a UTC month.
struct MonthCounters: Equatable {
  /// Succeeded runs that started in it.
  var generations: Int64 = 0
  /// Media of source UPLOAD made in it.
  var uploads: Int64 = 0
}

struct MonthKey: Hashable, Comparable {
  var month: Int64
  var account: Int64

  static func < (left: Self, right: Self) -> Bool {
    (left.month, left.account) < (right.month, right.account)
  }
}

/// A model and a type, which are counted under a number.
struct RunLabel: Hashable {
  var model: ExactText
  var type: ExactText
}
