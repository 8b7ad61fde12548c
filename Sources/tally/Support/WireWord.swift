// The enums of the protos, as the words that people write.

internal import TallyCore
internal import TallyMessages
internal import TallyProtoJSON

/// An enum of the protos, as people write it.
protocol WireWord {
  var name: String? { get }
  var rawValue: Int32 { get }
}

extension WireWord {
  /// Such as `period_end`; the number of a value that this program does not know.
  var word: String { name?.lowercased() ?? "\(rawValue)" }

  /// The values that the words stand for.
  static func parse(_ words: [String], among choices: [Self]) throws(Failure) -> [Self] {
    var values: [Self] = []
    for word in words {
      guard let value = choices.first(where: { $0.word == word.lowercased() }) else {
        let names = choices.map(\.word).joined(separator: ", ")
        throw Failure(.usage, "\(JSON.quoted(word)) is not one of \(names)")
      }
      values.append(value)
    }
    return values
  }
}

extension TallystickV1.TransactionType: WireWord {
  /// The types that ledger rows can have today.
  static let choices = known.filter { TransactionType(rawValue: $0.rawValue)?.isMade == true }
}

extension TallystickV1.HoldState: WireWord {
  static let choices = known.filter { $0 != .unspecified }
}

extension TallystickV1.EventKind: WireWord {
  static let choices = known.filter { $0 != .unspecified }
}

extension TallystickV1.PageUpdateKind: WireWord {}
extension TallystickV1.TopUpIntentState: WireWord {
  static let choices = known.filter { $0 != .unspecified }
}

extension TallystickV1.SkipCause: WireWord {}
extension TallystickV1.RunStatus: WireWord {}
extension TallystickV1.QuotaKind: WireWord {}
extension TallystickV1.MediaSource: WireWord {}
extension TallystickV1.UserRole: WireWord {}
extension TallystickV1.UserApproval: WireWord {}
extension TallystickV1.UserState: WireWord {}
extension TallystickV1.GrantMode: WireWord {}
extension TallystickV1.OnShort: WireWord {}

extension TallystickV1.CancelledCost: WireWord {}

extension TallystickV1.UnitClass: WireWord {
  static let choices = known.filter { $0 != .unspecified }
}
