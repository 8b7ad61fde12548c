// What a run that has ended used.

internal import ArgumentParser
internal import TallyMessages
internal import TallyProtoJSON

/// What an ended run used.
struct RunResultOptions: ParsableArguments {
  @Option(help: "How the run ended.") var status: RunEnd = .succeeded
  @Option(parsing: .unconditional, help: "Input tokens.") var inputTokens: Int64 = 0
  @Option(parsing: .unconditional, help: "Output tokens.") var outputTokens: Int64 = 0
  @Option(parsing: .unconditional, help: "Images made.") var images: Int64 = 0
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Units of a further class, such as cache_read=3456. Repeatable.", valueName: "class=count"))
  var units: [String] = []
  @Option(parsing: .unconditional, help: "Tokens of the prompt in all: input is what its parts leave.")
  var promptTokens: Int64?
  @Option(parsing: .unconditional, help: "Tokens of the completion in all: output is what its parts leave.")
  var completionTokens: Int64?
  @Option(
    parsing: .unconditional, help: "What the run cost. (default: by the book of prices)")
  var cost: String?
  @Option(parsing: .unconditional, help: "What the provider took for it, for your own accounts.")
  var providerCost = "0"
  @Flag(help: "Costs are in micro-USD.") var micros = false
  @Option(help: "The error message of a run that failed.") var error = ""

  func costMicros() throws(Failure) -> Int64? {
    guard let cost else { return nil }
    return try Amounts.parse(cost, isMicros: micros)
  }

  func unitCounts() throws(Failure) -> [TallystickV1.UnitCount] {
    var counts: [TallystickV1.UnitCount] = []
    for text in units {
      let sides = text.split(separator: "=", omittingEmptySubsequences: false)
      guard sides.count == 2, let count = Int64(sides[1]) else {
        throw Failure(.usage, "\(JSON.quoted(text)) is no number of units such as cache_read=3456")
      }
      var unit = TallystickV1.UnitCount()
      unit.unitClass =
        try TallystickV1.UnitClass.parse([String(sides[0])], among: TallystickV1.UnitClass.choices)[0]
      unit.count = count
      counts.append(unit)
    }
    return counts
  }

  func providerCostMicros() throws(Failure) -> Int64 { try Amounts.parse(providerCost, isMicros: micros) }
}
