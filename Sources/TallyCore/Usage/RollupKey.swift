// What runs and uploads are counted under.

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

/// A model and a type, which are counted under a number.
package struct RunLabel: Hashable {
  package var model: ExactText
  package var type: ExactText

  package init(model: ExactText, type: ExactText) {
    self.model = model
    self.type = type
  }
}
