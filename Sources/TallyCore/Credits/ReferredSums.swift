// What has become of an earlier row: sums over the rows that refer to it.
//
// Invariants:
// 1. A purchase that is reversed and reinstated in turns is in its sums each time, so they have 128 bits.
//    What they come to in a sound ledger is within their row's amount.

/// Sums over the rows that refer to one earlier row, by their type.
package struct ReferredSums: Equatable {
  package struct Sums: Equatable {
    package var rowCount: Int64 = 0
    package var amountMicros: Int128 = 0
    package var askedMicros: Int128 = 0
    package var shortMicros: Int128 = 0
    package var owedMicros: Int128 = 0

    package init() {}

    /// Of one row.
    package init(amountMicros: Int64, askedMicros: Int64, shortMicros: Int64, owedMicros: Int64) {
      rowCount = 1
      self.amountMicros = Int128(amountMicros)
      self.askedMicros = Int128(askedMicros)
      self.shortMicros = Int128(shortMicros)
      self.owedMicros = Int128(owedMicros)
    }

    package mutating func add(_ other: Sums) {
      rowCount += other.rowCount
      amountMicros += other.amountMicros
      askedMicros += other.askedMicros
      shortMicros += other.shortMicros
      owedMicros += other.owedMicros
    }
  }

  package var byType: [TransactionType: Sums] = [:]

  package init() {}

  package subscript(type: TransactionType) -> Sums { byType[type] ?? Sums() }

  package mutating func add(_ entry: Entry) {
    let sums = Sums(
      amountMicros: entry.amountMicros, askedMicros: entry.askedMicros, shortMicros: entry.shortMicros,
      owedMicros: entry.owedMicros)
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
  package var reversedMicros: Int64 { Int64(clamping: sumOfReversedMicros) }

  var sumOfReversedMicros: Int128 { self[.reversal].askedMicros - self[.reinstatement].askedMicros }

  /// Of a lot: what a reversal or a void still takes of what returns to it.
  package var shortMicros: Int64 { Int64(clamping: sumOfShortMicros) }

  var sumOfShortMicros: Int128 { byType.values.reduce(0) { $0 + $1.shortMicros } }

  /// Of a purchase: what is taken for reversals, net.
  package var takenMicros: Int128 { 0 - self[.reversal].amountMicros - self[.reinstatement].amountMicros }

  /// Of a purchase: what reversals have left owed, paid or not.
  package var leftOwedMicros: Int128 {
    self[.reversal].owedMicros - self[.reinstatement].owedMicros - self[.expiry].owedMicros
  }

  /// Of a purchase: what is reversed and was lost to time, so that it is neither taken, owed nor short.
  package var lostOfReversedMicros: Int128 {
    sumOfReversedMicros - takenMicros - leftOwedMicros - sumOfShortMicros
  }

  /// Of a debit: what was refunded.
  var refundedMicros: Int64 { Int64(clamping: self[.refund].amountMicros) }

  /// Of a grant: what was voided, or lost to time.
  var goneMicros: Int128 { 0 - self[.void].amountMicros - self[.expiry].amountMicros }

  /// Of a purchase: what its lot lost to time, and no reversal has counted as taken yet.
  var expiredMicros: Int64 {
    let (expiry, reversal) = (self[.expiry], self[.reversal])
    let lost = 0 - expiry.amountMicros
    let lessened = expiry.owedMicros - expiry.shortMicros
    let counted =
      reversal.askedMicros + reversal.amountMicros - reversal.owedMicros - reversal.shortMicros
    return max(0, Int64(clamping: lost - lessened - counted))
  }
}
