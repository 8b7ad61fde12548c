// What has become of an earlier row: sums over the rows that refer to it.
//
// Invariants:
// 1. Sums of a sound ledger are within the range of int64, since they are within their row's amount.

/// Sums over the rows that refer to one earlier row, by their type.
package struct ReferredSums: Equatable {
  package struct Sums: Equatable {
    package var rowCount: Int64 = 0
    package var amountMicros: Int64 = 0
    package var askedMicros: Int64 = 0
    package var shortMicros: Int64 = 0
    package var owedMicros: Int64 = 0

    package init() {}

    /// Saturates: sums of a sound ledger are within their row's amount.
    package mutating func add(_ other: Sums) {
      rowCount += other.rowCount
      amountMicros = amountMicros.addingSaturating(other.amountMicros)
      askedMicros = askedMicros.addingSaturating(other.askedMicros)
      shortMicros = shortMicros.addingSaturating(other.shortMicros)
      owedMicros = owedMicros.addingSaturating(other.owedMicros)
    }
  }

  package var byType: [TransactionType: Sums] = [:]

  package init() {}

  package subscript(type: TransactionType) -> Sums { byType[type] ?? Sums() }

  package mutating func add(_ entry: Entry) {
    var sums = Sums()
    sums.rowCount = 1
    sums.amountMicros = entry.amountMicros
    sums.askedMicros = entry.askedMicros
    sums.shortMicros = entry.shortMicros
    sums.owedMicros = entry.owedMicros
    byType[entry.type, default: Sums()].add(sums)
  }

  package mutating func add(_ other: ReferredSums) {
    for (type, sums) in other.byType { byType[type, default: Sums()].add(sums) }
  }
}

extension ReferredSums {
  /// With the rows of a change in the making that refer to the same one.
  func adding(_ entries: [Entry], thatReferTo sequence: Int64) -> ReferredSums {
    var sums = self
    for entry in entries where entry.refersTo == sequence { sums.add(entry) }
    return sums
  }

  /// Of a purchase: what is reversed, net.
  var reversedMicros: Int64 { self[.reversal].askedMicros - self[.reinstatement].askedMicros }

  /// Of a lot: what a reversal or a void still takes of what returns to it.
  var shortMicros: Int64 { byType.values.reduce(0) { $0 + $1.shortMicros } }

  /// Of a purchase: what its lot lost to time, and no reversal has counted as taken yet.
  var expiredMicros: Int64 {
    let (expiry, reversal) = (self[.expiry], self[.reversal])
    let lost = 0 - expiry.amountMicros
    let lessened = expiry.owedMicros - expiry.shortMicros
    let counted =
      reversal.askedMicros + reversal.amountMicros - reversal.owedMicros - reversal.shortMicros
    return max(0, lost - lessened - counted)
  }
}
