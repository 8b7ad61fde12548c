// `tally plans put`: makes or replaces a plan.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

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
      response.plan.map { Texts.plans([$0]) } ?? ""
    }
  }
}
