// How a user's figures move by a change: what is available, and what is owed.
//
// Invariants:
// 1. What a command does by several rows is one step: a purchase that pays what is owed does not first rise
//    and then fall. What came about by itself before it is one step for each time.
// 2. Credit that becomes effective later raises what is available without a row: the step after it begins
//    with it.
//
// Values.

/// A figure before and after a step.
struct FigureChange: Equatable {
  var before: Int64
  var after: Int64

  init(before: Int64, after: Int64) {
    self.before = before
    self.after = after
  }

  /// In whole percent that are reached.
  /// - Parameter limit: greater than zero.
  init(percentOf limit: Int64, before: Int64, after: Int64) {
    func percent(_ used: Int64) -> Int64 { Int64(clamping: Int128(used) * 100 / Int128(limit)) }
    self.init(before: percent(before), after: percent(after))
  }
}

/// What the rows of one time have done.
struct FigureStep: Equatable {
  var available: FigureChange
  var owed: FigureChange
  var effectiveAtMicros: Int64
  /// Of the last of its rows.
  var sequence: Int64

  /// Whether a figure moves to the side on which rules are.
  var mayCross: Bool { available.after < available.before || owed.after > owed.before }

  /// - Parameter account: as it was before the change.
  static func steps(of change: Change, on account: Account, nowMicros: Int64) -> [FigureStep] {
    let entries = change.entries
    var steps: [FigureStep] = []
    var posted = account.postedMicros
    var held = account.heldMicros
    var owed = account.owedMicros
    var index = 0
    while index < entries.count {
      let isSettled = index < change.settledCount
      let micros = isSettled ? entries[index].effectiveAtMicros : nowMicros
      var last = isSettled ? index : entries.count - 1
      while last + 1 < change.settledCount, entries[last + 1].effectiveAtMicros == micros { last += 1 }
      // What becomes effective at the time at which something settles comes about together with it.
      let pending = account.pendingMicros(atMicros: isSettled ? micros - 1 : micros)
      let row = entries[last]
      steps.append(
        FigureStep(
          available: FigureChange(
            before: posted.subtractingSaturating(held).subtractingSaturating(pending),
            after: row.balanceAfter.availableMicros),
          owed: FigureChange(before: owed, after: row.owedAfterMicros), effectiveAtMicros: micros,
          sequence: row.sequence))
      (posted, held, owed) = (row.balanceAfterMicros, row.heldAfterMicros, row.owedAfterMicros)
      index = last + 1
    }
    return steps
  }
}

extension Account {
  /// Saturates for the sake of a damaged row.
  fileprivate func pendingMicros(atMicros micros: Int64) -> Int64 {
    lots.reduce(0) { $1.isPending(atMicros: micros) ? $0.addingSaturating($1.remainingMicros) : $0 }
  }
}
