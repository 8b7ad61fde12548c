// `tally plans`: what subscriptions grant.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages
internal import TallyProtoJSON

struct PlansCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plans", abstract: "What a subscription grants.",
    discussion: """
      Examples:
        tally plans put pro --credit 20 --expires period-end
        tally plans list
      """,
    subcommands: [PutPlanCommand.self, ListPlansCommand.self])
}

struct PutPlanCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Makes a plan, or replaces it. Role: admin.",
    discussion: """
      A price is what a million tokens in, a million tokens out and an image cost, in dollars: \
      model=in,out,image. The model * stands for every model without a price of its own. What is not \
      given is no limit, and a run's cost is then for the caller to say.

      Examples:
        tally plans put pro --credit 20 --name Pro --expires 45d
        tally plans put pro --credit 20 --generations 1000 --uploads 200 \\
          --pages 50 --price 'gpt-x=3,15,0.04' --price '*=1,2,0'
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The plan's id.") var plan: String
  @Option(help: "The monthly credit.") var credit: String
  @Flag(help: "The credit is micro-USD.") var micros = false
  @Option(help: "Its name for people.") var name = ""
  @Option(help: "never, period-end, or a span after the period's start such as 45d.") var expires =
    "period-end"
  @Option(help: "1 to 1000; lower burns first.") var priority: Int32 = 0
  @Option(help: "Generations a month.") var generations: Int64?
  @Option(help: "Uploads a month.") var uploads: Int64?
  @Option(help: "Pages at a time.") var pages: Int64?
  @Option(help: ArgumentHelp("The IANA zone of the month; UTC when left out.", valueName: "zone"))
  var timeZone = ""
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("A model's price; may be repeated.", valueName: "model=in,out,image"))
  var price: [String] = []

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
    if generations != nil || uploads != nil || pages != nil {
      var limits = TallystickV1.PlanLimits()
      limits.monthlyGenerations = generations
      limits.monthlyUploads = uploads
      limits.pageCount = pages
      plan.limits = limits
    }
    plan.timeZone = timeZone
    plan.prices = try price.map { try Prices.parse($0, isMicros: micros) }
    var request = TallystickV1.PutPlanRequest()
    request.plan = plan
    try await tally.perform(TallystickV1.UsageService.putPlan, request, connection, output) { response in
      response.plan.map { Self.text([$0]) } ?? ""
    }
  }

  static func text(_ plans: [TallystickV1.Plan]) -> String {
    var table = Table(
      [
        ("PLAN", .left), ("NAME", .left), ("MONTHLY", .amount), ("EXPIRES", .left), ("PRIORITY", .right),
        ("GENERATIONS", .right), ("UPLOADS", .right), ("PAGES", .right), ("ZONE", .left), ("PRICES", .left),
      ], optional: ["PRIORITY", "ZONE", "NAME", "PAGES", "UPLOADS", "EXPIRES", "GENERATIONS"])
    for plan in plans {
      let expiry =
        switch plan.grantExpiry {
        case .never: "never"
        case .periodEnd: "period-end"
        case .after: "\(Times.formatSpan(plan.expiresAfterMillis)) after start"
        default: "?"
        }
      // On a terminal each price has a line of its own.
      let all = plan.prices.map(Prices.format)
      let prices = Layout.columns == nil ? [all.joined(separator: " ")] : all
      table.add([
        plan.planId, plan.displayName, Dollars.format(plan.monthlyCreditMicros), expiry, "\(plan.priority)",
        limit(plan.limits?.monthlyGenerations), limit(plan.limits?.monthlyUploads),
        limit(plan.limits?.pageCount), plan.timeZone.isEmpty ? "UTC" : plan.timeZone,
        prices.first ?? "",
      ])
      for price in prices.dropFirst() {
        table.add(Array(repeating: "", count: 9) + [price])
      }
    }
    return table.text
  }

  private static func limit(_ limit: Int64?) -> String { limit.map(Texts.count) ?? "-" }
}

/// A model's price as an argument: `gpt-x=3,15,0.04`.
enum Prices {
  /// Stands for the empty model: every one without a price of its own.
  static let anyModel = "*"

  static func parse(_ text: String, isMicros: Bool) throws(Failure) -> TallystickV1.ModelPrice {
    let sides = text.split(separator: "=", omittingEmptySubsequences: false)
    let amounts = (sides.last ?? "").split(separator: ",", omittingEmptySubsequences: false)
    guard sides.count >= 2, amounts.count == 3, !text.hasPrefix("=") else {
      throw Failure(.usage, "\(JSON.quoted(text)) is no price, such as gpt-x=3,15,0.04")
    }
    var price = TallystickV1.ModelPrice()
    let model = sides.dropLast().joined(separator: "=")
    price.model = model == anyModel ? "" : model
    price.inputMicrosPerMillion = try Amounts.parse(String(amounts[0]), isMicros: isMicros)
    price.outputMicrosPerMillion = try Amounts.parse(String(amounts[1]), isMicros: isMicros)
    price.imageMicros = try Amounts.parse(String(amounts[2]), isMicros: isMicros)
    return price
  }

  static func format(_ price: TallystickV1.ModelPrice) -> String {
    let amounts = [price.inputMicrosPerMillion, price.outputMicrosPerMillion, price.imageMicros]
    return "\(price.model.isEmpty ? anyModel : price.model)="
      + amounts.map(Dollars.format).joined(separator: ",")
  }
}

struct ListPlansCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists all plans.", discussion: "Example: tally plans list")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  func perform() async throws {
    var request = TallystickV1.ListPlansRequest()
    request.limit = paging.limit
    request.cursor = paging.cursor
    try await tally.perform(TallystickV1.UsageService.listPlans, request, connection, output) {
      PutPlanCommand.text($0.plans) + Texts.more($0.nextCursor)
    }
  }
}
