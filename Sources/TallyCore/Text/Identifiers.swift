// The ids that the ledger gives out, as text: `txn-<sequence>`, `hold-<sequence>` and
// `intent-<number>`.
//
// Invariants:
// 1. One number has one spelling: decimal, from 1, no sign, no leading zero. `parse` refuses the rest,
//    so that two different texts never name the same row.

/// Text ids of things that are numbered: by the sequence of the row that made them, or by themselves.
public enum Identifiers {
  private static let transactionPrefix = "txn-"
  private static let holdPrefix = "hold-"
  private static let intentPrefix = "intent-"

  /// Names no hold: what stands for an id that `hold(_:)` never makes.
  public static let noHold: Int64 = 0

  /// Names no transaction, likewise.
  public static let noTransaction: Int64 = 0

  /// Names no top-up intent, likewise.
  public static let noIntent: Int64 = 0

  /// `txn-12` for 12.
  public static func transaction(_ sequence: Int64) -> String { transactionPrefix + String(sequence) }

  /// `hold-12` for 12.
  public static func hold(_ sequence: Int64) -> String { holdPrefix + String(sequence) }

  /// `intent-12` for 12.
  public static func intent(_ number: Int64) -> String { intentPrefix + String(number) }

  /// - Returns: nil for what `transaction(_:)` never makes.
  public static func transactionSequence(_ text: String) -> Int64? {
    sequence(in: text.utf8, after: transactionPrefix.utf8)
  }

  /// - Returns: nil for what `hold(_:)` never makes.
  public static func holdSequence(_ text: String) -> Int64? {
    sequence(in: text.utf8, after: holdPrefix.utf8)
  }

  /// - Returns: nil for what `intent(_:)` never makes.
  public static func intentNumber(_ text: String) -> Int64? {
    sequence(in: text.utf8, after: intentPrefix.utf8)
  }

  private static func sequence(in text: String.UTF8View, after prefix: String.UTF8View) -> Int64? {
    guard text.starts(with: prefix) else { return nil }
    let digits = text.dropFirst(prefix.count)
    guard let first = digits.first, first != UInt8(ascii: "0") else { return nil }
    var value: Int64 = 0
    for digit in digits {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
      let (shifted, tooFar) = value.multipliedReportingOverflow(by: 10)
      let (sum, tooMuch) = shifted.addingReportingOverflow(Int64(digit - UInt8(ascii: "0")))
      guard !tooFar, !tooMuch else { return nil }
      value = sum
    }
    return value
  }
}
