// `tally prices put`: appends rows to the book of prices.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages
internal import TallyProtoJSON

struct PutPricesCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Says what a model costs from now on, or from later. Role: admin.",
    discussion: """
      A price is class=dollars: what a million units of the class cost. The classes are input, output, \
      cache_read, cache_write, cache_write_long, reasoning, audio_input, audio_output, image, second and \
      request; an image at 0.04 is image=40000 a million. class=none takes a price away. The model * stands \
      for every model without a price of its own. Nothing that has begun changes its price.

      Examples:
        tally prices put gpt-x input=3 output=15 cache_read=0.30
        tally prices put gpt-x output=12 --from 2027-01-01
        tally prices put '*' request=500 --plan pro
        tally prices put gpt-x cache_read=none
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The model, or * for all.") var model: String
  @Argument(help: ArgumentHelp("What a million units cost.", valueName: "class=dollars")) var prices: [String]
  @Option(help: "For users of this plan only.") var plan = ""
  @Option(help: "From when on. (default: now)") var from: String?
  @Flag(help: "Prices are in micro-USD.") var micros = false

  func perform() async throws {
    var request = TallystickV1.PutPricesRequest()
    let fromMicros = try from.map(Times.parse)
    request.prices = try prices.map { text in
      let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard sides.count == 2 else {
        throw Failure(.usage, "\(JSON.quoted(text)) is not a price such as input=3")
      }
      var price = TallystickV1.Price()
      price.planId = plan
      price.model = model == Prices.anyModel ? "" : model
      price.unitClass =
        try TallystickV1.UnitClass.parse([String(sides[0])], among: TallystickV1.UnitClass.choices)[0]
      if sides[1] != "none" { price.microsPerMillion = try Amounts.parse(String(sides[1]), isMicros: micros) }
      price.effectiveFromMicros = fromMicros
      return price
    }
    try await tally.perform(TallystickV1.UsageService.putPrices, request, connection, output) {
      Texts.prices($0.prices)
    }
  }
}
