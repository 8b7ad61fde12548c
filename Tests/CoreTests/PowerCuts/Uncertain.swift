// Something on a disk of which it is not known how far its changes have come.
//
// Invariants:
// 1. Until a sync has succeeded after a change, the disk may hold what was before it or what came of it.
// 2. A sync that fails forgets which changes wait to be written: a later one that succeeds makes only what
//    was changed since certain. What was lost stays uncertain until it is changed again.

struct Uncertain<Value: Sendable>: Sendable {
  /// What the page cache shows.
  private(set) var current: Value
  /// What the disk holds for certain, or held when the first of `changes` came.
  private var certain: Value
  /// What came of each change since, with the number of the event that it was.
  private var changes: [(event: Int, value: Value)] = []
  private var waits = false

  init(certain value: Value) {
    current = value
    certain = value
  }

  var isCertain: Bool { changes.isEmpty }

  mutating func change(to value: Value, at event: Int) {
    current = value
    changes.append((event, value))
    waits = true
  }

  /// Waits to be written again, as what lies in the same page as a change does.
  mutating func touch() { waits = waits || !isCertain }

  mutating func sync(hasFailed: Bool) {
    defer { waits = false }
    guard waits && !hasFailed else { return }
    certain = current
    changes = []
  }

  /// What a disk holds that carried out the changes up to an event.
  func value(upTo event: Int) -> Value { changes.last { $0.event <= event }?.value ?? certain }

  /// A failed sync has forgotten its last change.
  var isLost: Bool { !waits && !isCertain }
}
