// `tally alerts put`: makes an alert rule or replaces it.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct PutAlertCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Makes an alert rule or replaces it.",
    discussion: """
      A user who is past the line already is told of when the figure has been back and crosses it again.

      Examples:
        tally alerts put low --every-user --balance-below 5
        tally alerts put low-pro --plan pro --balance-below 20
        tally alerts put owes --user alice --owed-above 0
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The rule's id.") var rule: String
  @Flag(help: "The rule is of every user.") var everyUser = false
  @Option(help: "The rule is of the users of this plan.") var plan: String?
  @Option(help: "The rule is of this user.") var user: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("When what is available falls below this amount.", valueName: "amount"))
  var balanceBelow: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("When what is owed rises above this amount.", valueName: "amount"))
  var owedAbove: String?
  @Flag(help: "The amount is in micro-USD.") var micros = false

  private var scopes: [TallystickV1.AlertRule.Scope] {
    let named: [TallystickV1.AlertRule.Scope?] = [
      everyUser ? .everyUser(true) : nil, plan.map { .planId($0) }, user.map { .userId($0) },
    ]
    return named.compactMap { $0 }
  }

  private func condition() throws(Failure) -> TallystickV1.AlertRule.Condition? {
    if let balanceBelow { return .balanceBelowMicros(try Amounts.parse(balanceBelow, isMicros: micros)) }
    return try owedAbove.map { (text) throws(Failure) in
      .owedAboveMicros(try Amounts.parse(text, isMicros: micros))
    }
  }

  func validate() throws {
    if scopes.count != 1 { throw ValidationError("give exactly one of: --every-user, --plan, --user") }
    if (balanceBelow == nil) == (owedAbove == nil) {
      throw ValidationError("give exactly one of: --balance-below, --owed-above")
    }
  }

  func perform() async throws {
    var message = TallystickV1.AlertRule()
    message.ruleId = rule
    message.scope = scopes.first
    message.condition = try condition()
    var request = TallystickV1.PutAlertRuleRequest()
    request.rule = message
    try await tally.perform(TallystickV1.UsageService.putAlertRule, request, connection, output) {
      $0.rule.map { Texts.alertRules([$0]) } ?? ""
    }
  }
}
