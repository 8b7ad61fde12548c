// A period of a plan that was granted, as the ledger knows it.

/// A period that a plan was granted for.
package struct GrantedPeriod: Equatable {
  /// Of the grant's row.
  package var sequence: Int64
  /// Dates, in days since the epoch. Of a grant from before periods were dates: from its start's UTC date,
  /// for one month.
  package var days: Range<Int64>
  /// The period's first instant.
  package var startMicros: Int64

  package init(sequence: Int64, days: Range<Int64>, startMicros: Int64) {
    self.sequence = sequence
    self.days = days
    self.startMicros = startMicros
  }

  /// - Returns: nil when the row is no grant of a period.
  init?(_ entry: Entry) {
    guard let days = entry.periodDays, let startMicros = entry.periodStartMicros else { return nil }
    self.init(sequence: entry.sequence, days: days, startMicros: startMicros)
  }
}
