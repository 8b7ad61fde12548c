// Amounts on the command line: dollars, or micro-USD with --micros.

internal import ArgumentParser
internal import TallyProtoJSON

enum Amounts {
  static let help: ArgumentHelp =
    "Dollars, such as 1.25: without the sign, since a shell takes $1 for a variable of its own."

  /// What an Int64 of micro-USD holds in whole dollars. The server's own limit is lower.
  private static let limit = Dollars.format(Int64.max / 1_000_000 * 1_000_000)

  /// Dollars, or micro-USD.
  static func parse(_ text: String, isMicros: Bool) throws(Failure) -> Int64 {
    if isMicros {
      guard let micros = Int64(text) else {
        throw Failure(.usage, "\(JSON.quoted(text)) is no whole number of micro-USD")
      }
      return micros
    }
    if let micros = Dollars.parse(text) { return micros }
    let shell = #"that is what a shell leaves of "$1.25": write 1.25, without the sign"#
    if text.isEmpty { throw Failure(.usage, "the amount is empty; \(shell)") }
    if text.drop(while: { "+-$".contains($0) }).hasPrefix(".") {
      throw Failure(
        .usage, "\(JSON.quoted(text)) is no amount of dollars, since it begins with a point; \(shell)")
    }
    let form = "such as 1.25, with at most 6 places and below \(limit)"
    throw Failure(.usage, "\(JSON.quoted(text)) is no amount of dollars, \(form)")
  }

  /// The same of what is moved one way only.
  static func positive(_ text: String, isMicros: Bool) throws(Failure) -> Int64 {
    let micros = try parse(text, isMicros: isMicros)
    if micros > 0 { return micros }
    let shell = micros == 0 ? #"; a shell makes 0 of "$10": write 10, without the sign"# : ""
    throw Failure(.usage, "an amount is positive, not \(JSON.plain(text))\(shell)")
  }
}
