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
      given does not apply; without a price, the book of prices holds.

      --on-short says what follows when a run or a capture costs more than there is: forgive, which a new \
      plan has, books nothing; collect lets the user owe it, to be paid by the next credit; block also \
      refuses charges, holds and new runs until that is paid. --rollover carries over what is left of a \
      period's credit, up to an amount, and needs --expires period-end. The default plan holds for all users \
      who have no plan; there is one at most. --cancelled says what a run costs that was cancelled and names \
      no cost: what it reports, by the prices, or nothing. --cap and --spender-cap say what each user, and \
      each spender of a user, may spend or begin within a window, as 'tally caps put --help' tells; none \
      takes them away. These, --multiplier and --tag stay as they are stored unless they are given; all else \
      is replaced.

      Examples:
        tally plans put pro --credit 20 --name Pro --expires 45d
        tally plans put pro --credit 20 --generations 1000 --uploads 200 \\
          --pages 50 --price 'gpt-x=3,15,0.04' --price '*=1,2,0'
        tally plans put pro --credit 20 --on-short collect --rollover 5
        tally plans put free --credit 1 --default --cancelled nothing
        tally plans put team --credit 50 --tag feature --tag team
        tally plans put pro --credit 20 --cap daily=money,day,5 \\
          --spender-cap burst=generations,1h,20
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
  @Option(
    help: ArgumentHelp(
      "The IANA time zone of its months, for limits and grants. (default: UTC)", valueName: "zone"))
  var timeZone = ""
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("The price of a model. Repeatable.", valueName: "model=in,out,image"))
  var price: [String] = []
  @Option(help: "What to do if a run or a capture costs more than there is.") var onShort: OnShortName?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "What of a period's credit is carried over to the next, at most; 'none' for nothing.",
      valueName: "amount"))
  var rollover: String?
  @Option(help: "What a run costs that was cancelled and names no cost.") var cancelled: CancelledCostName?
  @Option(
    parsing: .unconditional,
    help: "How much of the book's prices it charges, in parts per million: 1200000 is a fifth more.")
  var multiplier: Int64?
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "A tag by which its users' runs are counted in 'tally stats'; 'none' for no tag. Repeatable.",
      valueName: "key"))
  var tag: [String] = []
  @Option(parsing: .singleValue, help: ArgumentHelp("A cap of each user. Repeatable.", valueName: Caps.form))
  var cap: [String] = []
  @Option(
    parsing: .singleValue, help: ArgumentHelp("A cap of each spender. Repeatable.", valueName: Caps.form))
  var spenderCap: [String] = []
  @Flag(
    name: .customLong("default"), inversion: .prefixedNo,
    help: "Whether it is the plan of all users who have none.")
  var isDefault: Bool?

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
    plan.onShort = onShort?.onShort
    plan.rolloverCapMicros = try rollover.map { $0 == "none" ? 0 : try Amounts.parse($0, isMicros: micros) }
    plan.isDefault = isDefault
    plan.cancelledCost = cancelled?.cancelledCost
    plan.priceMultiplierPpm = multiplier
    if !tag.isEmpty {
      var tags = TallystickV1.PlanTags()
      tags.keys = tag == ["none"] ? [] : tag
      plan.tags = tags
    }
    plan.caps = try caps(cap)
    plan.spenderCaps = try caps(spenderCap)
    var request = TallystickV1.PutPlanRequest()
    request.plan = plan
    try await tally.perform(TallystickV1.UsageService.putPlan, request, connection, output) { response in
      response.plan.map { Texts.plans([$0]) } ?? ""
    }
  }

  /// - Returns: nil when none are given, an empty list for `none`.
  private func caps(_ texts: [String]) throws(Failure) -> TallystickV1.CapList? {
    if texts.isEmpty { return nil }
    var list = TallystickV1.CapList()
    if texts != ["none"] {
      for text in texts { list.caps.append(try Caps.parse(text, isMicros: micros)) }
    }
    return list
  }
}
