// What runs and uploads are counted under.
//
// Invariants:
// 1. Months are numbered from year 0: year x 12 + month - 1.

/// A rollup row's key.
package struct RollupKey: Hashable, Comparable {
  /// An account under which nothing is ever counted; zero is everybody's.
  package static let nobody: Int64 = -1

  /// Since the epoch, UTC.
  package var day: Int64
  /// Zero stands for all users.
  package var account: Int64
  /// Zero stands for all models and types.
  package var label: Int64

  package init(day: Int64, account: Int64, label: Int64) {
    self.day = day
    self.account = account
    self.label = label
  }

  package static func < (left: Self, right: Self) -> Bool {
    (left.day, left.account, left.label) < (right.day, right.account, right.label)
  }
}

/// What a user did in a UTC month.
package struct MonthCounters: Equatable {
  /// Succeeded runs that started in it.
  package var generations: Int64 = 0
  /// Media of source UPLOAD made in it.
  package var uploads: Int64 = 0

  package init(generations: Int64 = 0, uploads: Int64 = 0) {
    self.generations = generations
    self.uploads = uploads
  }
}

package struct MonthKey: Hashable, Comparable {
  package var month: Int64
  package var account: Int64

  package static func < (left: Self, right: Self) -> Bool {
    (left.month, left.account) < (right.month, right.account)
  }
}

/// A model and a type, which are counted under a number.
package struct RunLabel: Hashable {
  package var model: ExactText
  package var type: ExactText

  package init(model: ExactText, type: ExactText) {
    self.model = model
    self.type = type
  }
}
