// `tally caps put`: puts a user's own caps, or those of a spender.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct PutCapsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Puts the caps of a user or of a spender, in the place of those before.",
    discussion: """
      --cap takes id=measure,window,limit, and a model and a type if only such runs count. The measure is \
      money or generations, the window hour, day, week, month, or a number of hours such as 24h. The limit \
      is in dollars or runs; none lifts the plan's cap of the same id. Without --cap all are taken away.

      Examples:
        tally caps put alice --cap daily=money,day,5 --cap monthly=money,month,50
        tally caps put alice --spender bot --cap burst=generations,1h,20,gpt-x
        tally caps put alice --cap daily=money,day,none
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user.") var user: String
  @Option(help: "The caps are of this spender; of the account itself when not given.") var spender = ""
  @Option(parsing: .singleValue, help: ArgumentHelp("A cap. Repeatable.", valueName: Caps.form))
  var cap: [String] = []
  @Flag(help: "Limits of money are in micro-USD.") var micros = false

  func perform() async throws {
    var request = TallystickV1.PutCapsRequest()
    request.userId = user
    request.spender = spender
    request.caps = try cap.map { try Caps.parse($0, isMicros: micros) }
    try await tally.perform(TallystickV1.UsageService.putCaps, request, connection, output) {
      Texts.caps($0.caps.map { [$0] } ?? [])
    }
  }
}
