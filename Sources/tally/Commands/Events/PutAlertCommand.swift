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
        tally alerts put nearly-used --every-user --generations-at 80
        tally alerts put near-cap --plan pro --cap-at 90
        tally alerts put ends-soon --every-user --credit-expires-within 7d
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
  @Option(
    help: ArgumentHelp("When generations reach so much of the plan's limit.", valueName: "percent"))
  var generationsAt: Int32?
  @Option(help: ArgumentHelp("When uploads reach so much of the plan's limit.", valueName: "percent"))
  var uploadsAt: Int32?
  @Option(help: ArgumentHelp("When pages reach so much of the plan's limit.", valueName: "percent"))
  var pagesAt: Int32?
  @Option(
    help: ArgumentHelp("When what is used of any cap reaches so much of its limit.", valueName: "percent"))
  var capAt: Int32?
  @Option(
    help: ArgumentHelp(
      "When credit of which something is left is so close to its end, such as 12h or 7d.",
      valueName: "time"))
  var creditExpiresWithin: String?
  @Flag(help: "The amount is in micro-USD.") var micros = false

  private var scopes: [TallystickV1.AlertRule.Scope] {
    let named: [TallystickV1.AlertRule.Scope?] = [
      everyUser ? .everyUser(true) : nil, plan.map { .planId($0) }, user.map { .userId($0) },
    ]
    return named.compactMap { $0 }
  }

  private func condition() throws(Failure) -> TallystickV1.AlertRule.Condition? {
    if let balanceBelow { return .balanceBelowMicros(try Amounts.parse(balanceBelow, isMicros: micros)) }
    if let generationsAt { return .generationsAtPercent(generationsAt) }
    if let uploadsAt { return .uploadsAtPercent(uploadsAt) }
    if let pagesAt { return .pagesAtPercent(pagesAt) }
    if let capAt { return .capAtPercent(capAt) }
    if let creditExpiresWithin { return .creditExpiresWithinMillis(try Times.parseSpan(creditExpiresWithin)) }
    return try owedAbove.map { (text) throws(Failure) in
      .owedAboveMicros(try Amounts.parse(text, isMicros: micros))
    }
  }

  func validate() throws {
    if scopes.count != 1 { throw ValidationError("give exactly one of: --every-user, --plan, --user") }
    let given = [
      balanceBelow != nil, owedAbove != nil, generationsAt != nil, uploadsAt != nil, pagesAt != nil,
      capAt != nil, creditExpiresWithin != nil,
    ]
    if given.filter(\.self).count != 1 {
      throw ValidationError(
        """
        give exactly one of: --balance-below, --owed-above, --generations-at, --uploads-at, --pages-at, \
        --cap-at, --credit-expires-within
        """)
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
