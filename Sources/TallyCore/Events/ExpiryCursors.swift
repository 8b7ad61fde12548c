// How far the server has come with credit that expires: for each window of alert rules, the last lot of which
// users were told, or need not be.
//
// Invariants:
// 1. Lots stand in the order of their ends, then of their ids. A lot is within a window when its end is no
//    further away. Cursors only move forward.
// 2. `stored` is what the last commit has written. Between it and `passed` there is no lot that somebody
//    could still be told of: whoever opens one there moves `stored` in the same commit (`note`).
// 3. Every window of some rule has a cursor, and no other; all rules of a window share it. A rule is told of
//    what comes about after it was put (`AlertRule.isPast`).
//
// Values; the writer's queue owns the stored ones.

/// Where a lot stands among those that expire.
package struct LotPlace: Sendable, Comparable {
  package var expiresAtMicros: Int64
  package var lotId: Int64

  package init(expiresAtMicros: Int64, lotId: Int64) {
    self.expiresAtMicros = expiresAtMicros
    self.lotId = lotId
  }

  /// After all lots that end by a time.
  static func end(ofMicros micros: Int64) -> Self { Self(expiresAtMicros: micros, lotId: Int64.max) }

  package static func < (left: Self, right: Self) -> Bool {
    (left.expiresAtMicros, left.lotId) < (right.expiresAtMicros, right.lotId)
  }
}

/// A lot that expires, by the row that granted it.
package struct ExpiringLot: Sendable, Equatable {
  package var place: LotPlace
  package var userId: String
  /// When it was granted.
  package var atMicros: Int64

  package init(place: LotPlace, userId: String, atMicros: Int64) {
    self.place = place
    self.userId = userId
    self.atMicros = atMicros
  }
}

package struct ExpiryCursor: Sendable, Equatable {
  package let windowMillis: Int64
  package internal(set) var stored: LotPlace
  var passed: LotPlace

  package init(windowMillis: Int64, stored: LotPlace) {
    self.windowMillis = windowMillis
    (self.stored, passed) = (stored, stored)
  }

  /// Of a window that some rule is the first to have: whatever is within it already is not told of.
  init(windowMillis: Int64, beginningAtMicros nowMicros: Int64) {
    self.init(
      windowMillis: windowMillis, stored: LotPlace(expiresAtMicros: 0, lotId: 0))
    stored = end(atMicros: nowMicros)
    passed = stored
  }

  /// After all lots that are within the window at a time.
  func end(atMicros nowMicros: Int64) -> LotPlace {
    .end(ofMicros: nowMicros.addingSaturating(TopUp.micros(ofMillis: windowMillis)))
  }

  /// When a lot comes within the window.
  func lineMicros(of place: LotPlace) -> Int64 {
    place.expiresAtMicros.subtractingSaturating(TopUp.micros(ofMillis: windowMillis))
  }

  /// How far it has come. A harness may have put the clock back: then it begins again at what is stored.
  func reached(atMicros nowMicros: Int64) -> LotPlace {
    passed > end(atMicros: nowMicros) ? stored : passed
  }
}

package struct ExpiryCursors: Sendable, Equatable {
  /// By window.
  package private(set) var all: [ExpiryCursor]

  package init(_ all: [ExpiryCursor] = []) { self.all = all.sorted { $0.windowMillis < $1.windowMillis } }

  var isEmpty: Bool { all.isEmpty }

  subscript(windowMillis: Int64) -> ExpiryCursor? { all.first { $0.windowMillis == windowMillis } }

  /// Has one cursor for each of the windows.
  mutating func follow(_ windows: [Int64], nowMicros: Int64) {
    all = windows.map {
      self[$0] ?? ExpiryCursor(windowMillis: $0, beginningAtMicros: nowMicros)
    }
  }

  /// Moves a cursor on.
  /// - Parameter stores: whether there were lots on the way, so that a later start does not meet them again.
  mutating func pass(_ windowMillis: Int64, to place: LotPlace, stores: Bool) {
    guard let index = all.firstIndex(where: { $0.windowMillis == windowMillis }) else { return }
    all[index].passed = place
    if stores { all[index].stored = place }
  }

  /// Takes note of a lot that is opened: where a cursor has come further already, the change that opens the
  /// lot tells of it, and no start does so again.
  mutating func note(opened place: LotPlace, nowMicros: Int64) {
    for index in all.indices where all[index].stored < place {
      let reached = all[index].reached(atMicros: nowMicros)
      if place <= reached { all[index].stored = reached }
    }
  }
}

extension AlertRule {
  /// Whether a lot was granted, and had come within the rule's window, before the rule was put.
  func isPast(_ place: LotPlace, lineMicros: Int64) -> Bool {
    place.lotId <= sinceSequence && lineMicros <= updatedAtMicros
  }
}
