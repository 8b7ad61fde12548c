// `tally alerts delete`: takes an alert rule away.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct DeleteAlertCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Deletes an alert rule; its events stay.",
    discussion: "Example: tally alerts delete low")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The rule's id.") var rule: String

  func perform() async throws {
    var request = TallystickV1.DeleteAlertRuleRequest()
    request.ruleId = rule
    try await tally.perform(TallystickV1.UsageService.deleteAlertRule, request, connection, output) {
      $0.unchanged ? "there is no rule \(rule)\n" : "deleted \(rule)\n"
    }
  }
}
