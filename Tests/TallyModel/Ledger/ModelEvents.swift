// Which lines a user of the model crosses: by asking what stood just before, and what after.
//
// Values; part of the model.

import TallyCore

struct ModelEvent: Equatable {
  var userId: String
  var kind: EventKind
  var threshold: Int64
  var before: Int64
  var after: Int64
  var effectiveAt: Int64
  /// The row that crossed the line.
  var sequence: Int64
}

/// What is used of a cap has reached a line.
struct ModelCapEvent: Equatable {
  var userId: String
  var spender: String
  var capId: String
  var percent: Int64
  var used: Int64
  var at: Int64
}

extension LedgerModel {
  /// Lines of every user's rules.
  static let balanceLines: [Int64] = [1, 20, 60]
  static let owedLines: [Int64] = [0, 15]
  /// In percent.
  static let capLines: [Int64] = [1, 50, 100]

  static var rules: [AlertRule] {
    balanceLines.map {
      AlertRule(id: "below \($0)", scope: .everyUser, condition: .balanceBelow(micros: $0))
    } + owedLines.map { AlertRule(id: "owed \($0)", scope: .everyUser, condition: .owedAbove(micros: $0)) }
      + capLines.map { AlertRule(id: "cap \($0)", scope: .everyUser, condition: .capAt(percent: $0)) }
  }

  /// What a user crosses by what is not kept yet: at each time at which something came about by itself, and
  /// then by the command.
  func crossings(of user: ModelUser) -> [ModelEvent] {
    let stored = users[ExactText(user.userId)] ?? ModelUser(userId: user.userId)
    let due = due(of: stored, at: user.now)
    func figures(at time: Int64) -> (available: Int64, owed: Int64) {
      var copy = stored
      let isDue = due?.credit.map { $0.effectiveAt <= time } ?? true
      copy.live(until: time, numberingFrom: lastSequence + 1, isDue ? due : nil)
      return (copy.available(at: time), copy.owed)
    }
    var events: [ModelEvent] = []
    func compare(
      _ before: (available: Int64, owed: Int64), _ after: (available: Int64, owed: Int64), _ row: Entry,
      _ time: Int64
    ) {
      func add(_ kind: EventKind, _ line: Int64, _ from: Int64, _ to: Int64) {
        events.append(
          ModelEvent(
            userId: user.userId, kind: kind, threshold: line, before: from, after: to, effectiveAt: time,
            sequence: row.sequence))
      }
      for line in Self.balanceLines where before.available >= line && after.available < line {
        add(.balanceBelow, line, before.available, after.available)
      }
      for line in Self.owedLines where before.owed <= line && after.owed > line {
        add(.owed, line, before.owed, after.owed)
      }
    }
    let lived = user.rows.prefix(user.livedRowCount)
    for time in Set(lived.map(\.effectiveAtMicros)).sorted() {
      guard let row = lived.last(where: { $0.effectiveAtMicros == time }) else { continue }
      compare(figures(at: time - 1), figures(at: time), row, time)
    }
    if user.rows.count > lived.count, let row = user.rows.last {
      compare(figures(at: user.now), (user.available(at: user.now), user.owed), row, user.now)
    }
    return events
  }
}
