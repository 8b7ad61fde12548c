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

/// A line of a rollup's account: a spender's, or that of a tag's value.
package struct GroupKey: Hashable, Comparable {
  /// The tag under which spenders stand: tags of runs have a name.
  package static let spenders = ExactText("")
  /// The value under which stand all values of a day beyond `RunLimits.tagValueCount`.
  package static let rest = ExactText("")

  /// Since the epoch, UTC.
  package var day: Int64
  /// Zero stands for all users.
  package var account: Int64
  package var tag: ExactText
  package var value: ExactText

  package init(day: Int64, account: Int64, tag: ExactText, value: ExactText) {
    self.day = day
    self.account = account
    self.tag = tag
    self.value = value
  }

  /// With every value of its tag.
  package var ofAllValues: GroupKey { GroupKey(day: day, account: account, tag: tag, value: Self.rest) }

  package static func < (left: Self, right: Self) -> Bool {
    (left.day, left.account, left.tag, left.value) < (right.day, right.account, right.tag, right.value)
  }
}

/// What is stored of a tag's values on a day.
package struct TagValues: Equatable {
  /// Whether the value has a line.
  package var isKnown: Bool
  /// How many have one, without the rest; of no use when the value is known.
  package var count: Int64

  package init(isKnown: Bool, count: Int64) {
    self.isKnown = isKnown
    self.count = count
  }
}
