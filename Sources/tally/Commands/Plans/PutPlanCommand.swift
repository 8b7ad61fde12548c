// `tally plans put`: makes or replaces a plan.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct PutPlanCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Creates or replaces a plan. Role: admin.",
    discussion: """
      --price takes model=in,out,image: what a million input tokens, a million output tokens and one image \
      cost, in dollars. The model * stands for every model without a price of its own. A limit that is not \
      given does not apply; without a price, the caller has to name the cost of each run.

      Examples:
        tally plans put pro --credit 20 --name Pro --expires 45d
        tally plans put pro --credit 20 --generations 1000 --uploads 200 \\
          --pages 50 --price 'gpt-x=3,15,0.04' --price '*=1,2,0'
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The plan's id.") var plan: String
  @Option(parsing: .unconditional, help: "The credit granted each month.") var credit: String
  @Flag(help: "Amounts are in micro-USD.") var micros = false
  @Option(help: "A name for people to read.") var name = ""
  @Option(help: "When granted credit expires: never, period-end, or 45d after the period's start.")
  var expires =
    "period-end"
  @Option(
    parsing: .unconditional, help: "1 to 1000; credit of a lower priority is spent first. (default: 10)")
  var priority: Int32?
  @Option(parsing: .unconditional, help: "Generations allowed a month.") var generations: Int64?
  @Option(parsing: .unconditional, help: "Uploads allowed a month.") var uploads: Int64?
  @Option(parsing: .unconditional, help: "Pages allowed at a time.") var pages: Int64?
  @Option(help: ArgumentHelp("The IANA time zone of the month. (default: UTC)", valueName: "zone"))
  var timeZone = ""
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("The price of a model. Repeatable.", valueName: "model=in,out,image"))
  var price: [String] = []

  func validate() throws {
    if let priority, !(1...1_000).contains(priority) {
      throw ValidationError("--priority must be 1 to 1000, not \(priority)")
    }
  }

  func perform() async throws {
    var plan = TallystickV1.Plan()
    plan.planId = self.plan
    plan.displayName = name
    plan.monthlyCreditMicros = try Amounts.parse(credit, isMicros: micros)
    plan.priority = priority ?? 0
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
      response.plan.map { Texts.plans([$0]) } ?? ""
    }
  }
}
