// `tally plans`: what subscriptions grant.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import Messages
internal import TallyClient

struct PlansCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plans", abstract: "What a subscription grants.",
    discussion: """
      Examples:
        tally plans put pro --credit '$20' --expires period-end
        tally plans list
      """,
    subcommands: [PutPlanCommand.self, ListPlansCommand.self])
}

struct PutPlanCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Makes a plan, or replaces it. Role: admin.",
    discussion: "Example: tally plans put pro --credit '$20' --name Pro --expires 45d")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument var plan: String
  @Option(help: "The monthly credit.") var credit: String
  @Flag(help: "The credit is micro-USD.") var micros = false
  @Option(help: "Its name for people.") var name = ""
  @Option(help: "never, period-end, or a span after the period's start such as 45d.") var expires =
    "period-end"
  @Option(help: "1 to 1000; lower burns first.") var priority: Int32 = 0

  func perform() async throws {
    var plan = TallystickV1.Plan()
    plan.planId = self.plan
    plan.displayName = name
    plan.monthlyCreditMicros = try Amounts.parse(credit, isMicros: micros)
    plan.priority = priority
    switch expires {
    case "never": plan.grantExpiry = .never
    case "period-end": plan.grantExpiry = .periodEnd
    default:
      plan.grantExpiry = .after
      plan.expiresAfterMillis = try Times.parseSpan(expires)
    }
    var request = TallystickV1.PutPlanRequest()
    request.plan = plan
    try await tally.perform(TallystickV1.UsageService.putPlan, request, connection, output) { response in
      response.plan.map { Self.text([$0]) } ?? ""
    }
  }

  static func text(_ plans: [TallystickV1.Plan]) -> String {
    var table = Table([
      ("PLAN", .left), ("NAME", .left), ("MONTHLY", .right), ("EXPIRES", .left), ("PRIORITY", .right),
    ])
    for plan in plans {
      let expiry =
        switch plan.grantExpiry {
        case .never: "never"
        case .periodEnd: "period-end"
        case .after: "\(plan.expiresAfterMillis / 1_000)s after the start"
        default: "?"
        }
      table.add([
        plan.planId, plan.displayName, Dollars.format(plan.monthlyCreditMicros), expiry, "\(plan.priority)",
      ])
    }
    return table.text
  }
}

struct ListPlansCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists all plans.", discussion: "Example: tally plans list")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "1 to 1000 rows.") var limit: Int32 = 100
  @Option(help: "Where the page before ended.") var cursor = ""

  func perform() async throws {
    var request = TallystickV1.ListPlansRequest()
    request.limit = limit
    request.cursor = cursor
    try await tally.perform(TallystickV1.UsageService.listPlans, request, connection, output) {
      PutPlanCommand.text($0.plans) + Texts.more($0.nextCursor)
    }
  }
}
