// Amounts on the command line: dollars, or micro-USD with --micros.

internal import ArgumentParser
internal import TallyProtoJSON

enum Amounts {
  static let help: ArgumentHelp =
    "Dollars, such as 1.25, without a dollar sign: a shell would expand $1."

  /// The server's own, of every amount.
  static let limitMicros: Int64 = 1_000_000_000_000_000_000

  /// Dollars, or micro-USD.
  static func parse(_ text: String, isMicros: Bool) throws(Failure) -> Int64 {
    if isMicros {
      guard let micros = Int64(text) else {
        throw Failure(.usage, "\(JSON.quoted(text)) is not a whole number of micro-USD")
      }
      return micros
    }
    let limit = Dollars.format(limitMicros)
    if let micros = Dollars.parse(text) {
      if micros.magnitude <= limitMicros { return micros }
      throw Failure(.usage, "\(JSON.quoted(text)) is too much: an amount is at most \(limit)")
    }
    let shell = #"a shell expands "$1.25" to ".25", so write 1.25 without the dollar sign"#
    if text.isEmpty { throw Failure(.usage, "the amount is empty; \(shell)") }
    if text.drop(while: { "+-$".contains($0) }).hasPrefix(".") {
      throw Failure(.usage, "\(JSON.quoted(text)) is not a dollar amount: a digit must come first; \(shell)")
    }
    let form = "such as 1.25, with at most 6 decimal places and at most \(limit)"
    throw Failure(.usage, "\(JSON.quoted(text)) is not a dollar amount \(form)")
  }

  /// An amount that must be above zero.
  static func positive(_ text: String, isMicros: Bool) throws(Failure) -> Int64 {
    let micros = try parse(text, isMicros: isMicros)
    if micros > 0 { return micros }
    let shell = micros == 0 ? #"; a shell expands "$10" to "0", so write 10 without the dollar sign"# : ""
    throw Failure(.usage, "the amount must be above zero, not \(JSON.plain(text))\(shell)")
  }
}
