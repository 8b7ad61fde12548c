// `tally topups put`: says how a user's credit is topped up.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct PutTopUpCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Says how a user's credit is topped up. Role: admin.",
    discussion: """
      Replaces the setting as a whole. A user who is below the threshold already gets an intent at once.

      Examples:
        tally topups put alice --below 5 --target 20
        tally topups put alice --below 5 --target 20 --cap 100 --cap-count 8
        tally topups put alice --below 5 --target 20 --off
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user.") var user: String
  @Option(help: ArgumentHelp("Less than this is available.", valueName: "amount")) var below: String
  @Option(help: ArgumentHelp("What is to be available afterwards.", valueName: "amount")) var target: String
  @Option(help: ArgumentHelp("What may be opened in a calendar month.", valueName: "amount"))
  var cap: String?
  @Option(help: "How many may be opened in a calendar month.") var capCount: Int64 = 0
  @Option(help: ArgumentHelp("How long none is opened after one has ended.", valueName: "seconds"))
  var cooldown: Int64 = 0
  @Flag(help: "None is opened, and the open one is cancelled.") var off = false
  @Flag(help: "The amounts are in micro-USD.") var micros = false

  func perform() async throws {
    var setting = TallystickV1.TopUp()
    setting.userId = user
    setting.thresholdMicros = try Amounts.parse(below, isMicros: micros)
    setting.targetMicros = try Amounts.parse(target, isMicros: micros)
    setting.monthlyCapMicros =
      try cap.map { (text) throws(Failure) in
        try Amounts.parse(text, isMicros: micros)
      } ?? 0
    setting.monthlyCapCount = capCount
    let (millis, isTooLong) = cooldown.multipliedReportingOverflow(by: 1_000)
    if isTooLong { throw Failure(.usage, "--cooldown is too long") }
    setting.cooldownMillis = millis
    setting.enabled = !off
    var request = TallystickV1.PutTopUpRequest()
    request.topUp = setting
    try await tally.perform(TallystickV1.UsageService.putTopUp, request, connection, output) {
      $0.topUp.map { Texts.topUp($0) } ?? ""
    }
  }
}
