// What a user did in a month.
//
// Invariants:
// 1. UTC months are numbered from year 0: year x 12 + month - 1.
// 2. The counters of another zone's month are those of the UTC month of the same name, with the quarter hours
//    at its edges (MonthSpan) added and taken away.

package struct MonthCounters: Equatable {
  /// Succeeded runs that started in the month.
  package var generations: Int64 = 0
  /// Media of source UPLOAD made in it.
  package var uploads: Int64 = 0
  /// What runs cost that have ended and started in it.
  package var costMicros: Int64 = 0

  package init(generations: Int64 = 0, uploads: Int64 = 0, costMicros: Int64 = 0) {
    self.generations = generations
    self.uploads = uploads
    self.costMicros = costMicros
  }

  /// What a part of a day has of it.
  package init(of cell: RollupCell) {
    self.init(
      generations: cell.runs.succeeded.count, uploads: cell.uploads, costMicros: cell.runs.all.costMicros)
  }

  /// - Parameter sign: -1 takes it away.
  package mutating func add(_ other: MonthCounters, sign: Int64 = 1) {
    generations = generations.addingSaturating(sign.multipliedSaturating(by: other.generations))
    uploads = uploads.addingSaturating(sign.multipliedSaturating(by: other.uploads))
    costMicros = costMicros.addingSaturating(sign.multipliedSaturating(by: other.costMicros))
  }
}

package struct MonthKey: Hashable, Comparable {
  package var month: Int64
  package var account: Int64

  package init(month: Int64, account: Int64) {
    self.month = month
    self.account = account
  }

  package static func < (left: Self, right: Self) -> Bool {
    (left.month, left.account) < (right.month, right.account)
  }
}
