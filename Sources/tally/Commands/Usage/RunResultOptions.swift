// What a run that has ended used.

internal import ArgumentParser

/// What an ended run used.
struct RunResultOptions: ParsableArguments {
  @Option(help: "How the run ended.") var status: RunEnd = .succeeded
  @Option(parsing: .unconditional, help: "Input tokens.") var inputTokens: Int64 = 0
  @Option(parsing: .unconditional, help: "Output tokens.") var outputTokens: Int64 = 0
  @Option(parsing: .unconditional, help: "Images made.") var images: Int64 = 0
  @Option(
    parsing: .unconditional, help: "What the run cost. (default: by the prices of the user's plan)")
  var cost: String?
  @Flag(help: "The cost is in micro-USD.") var micros = false
  @Option(help: "The error message of a run that failed.") var error = ""

  func costMicros() throws(Failure) -> Int64? {
    guard let cost else { return nil }
    return try Amounts.parse(cost, isMicros: micros)
  }
}
