// `tally usage month`: what users have used in a month.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct MonthCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "month", abstract: "Shows what users have used in a month, and of what.",
    discussion: """
      Example:
        tally usage month alice bob --month 2026-11 --time-zone Europe/Berlin
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var period: MonthOptions

  @Argument(help: "One or more users.") var users: [String]

  func perform() async throws {
    var request = TallystickV1.BatchGetUsageRequest()
    request.userIds = users
    request.month = period.month
    request.timeZone = period.timeZone
    try await tally.perform(TallystickV1.UsageService.batchGetUsage, request, connection, output) {
      Texts.usages($0.usages)
    }
  }
}
