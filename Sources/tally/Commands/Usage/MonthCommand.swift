// `tally usage month`: what users have used in a month.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct MonthCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "month",
    abstract: "Shows what users have used in a month, against the limits of their plans.",
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
    let reply = try await answer(TallystickV1.UsageService.batchGetUsage, request, connection, output)
    try show(reply, output) { Texts.usages($0.usages) }
    let unused = reply.usages.filter {
      $0.planId.isEmpty && $0.generations == 0 && $0.running == 0 && $0.uploads == 0 && $0.pages == 0
    }
    await output.noteUnknown(unused.map(\.userId), connection)
  }
}
