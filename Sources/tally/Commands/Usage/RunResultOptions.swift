// What a run that has ended used.

internal import ArgumentParser

/// What an ended run used.
struct RunResultOptions: ParsableArguments {
  @Option(help: "How it ended.") var status: RunEnd = .succeeded
  @Option(help: "Tokens that went in.") var inputTokens: Int64 = 0
  @Option(help: "Tokens that came out.") var outputTokens: Int64 = 0
  @Option(help: "Images that it made.") var images: Int64 = 0
  @Option(help: "What it cost; by the prices of the user's plan when it is left out.") var cost: String?
  @Flag(help: "Amounts are micro-USD.") var micros = false
  @Option(help: "What went wrong.") var error = ""

  func costMicros() throws(Failure) -> Int64? {
    guard let cost else { return nil }
    return try Amounts.parse(cost, isMicros: micros)
  }
}
