// Tags of runs: what a caller says of a run by key and value, such as a feature or a team.
//
// Invariants:
// 1. A run keeps every tag that it was given. Counted are those whose key the plan under which it began
//    declares when it ends.
// 2. Of a key's values, those that came first on a UTC day have a line of their own, up to
//    `RunLimits.tagValueCount`, and all others one together: once for the user, once for all users. Which
//    line a run was counted in is kept on it, so that the lines can be counted again.

/// Tags are ordered by the bytes of their keys; each key once.
public struct RunTag: Sendable, Equatable {
  public var key: String
  /// Never empty.
  public var value: String
  /// The line of the user's statistics.
  package var own = TagLine.none
  /// The line of the statistics of all users.
  package var ofAll = TagLine.none

  public init(key: String, value: String) {
    self.key = key
    self.value = value
  }

  /// Under which value it is counted for somebody; nil: it is not.
  package func countedValue(_ line: TagLine) -> ExactText? {
    switch line {
    case .none: nil
    case .value: ExactText(value)
    case .rest: GroupKey.rest
    }
  }
}

/// Where a tag is counted. Numbers are the disk's; never reused.
package enum TagLine: UInt8, Sendable {
  case none = 0
  case value = 1
  case rest = 2
}
