// `tally credits`: the verbs that move credit.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ConsumeCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "consume", abstract: "Takes credit, or refuses.",
    discussion: "Example: tally credits consume alice 1.25 --run run-7")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: Amounts.help) var amount: String
  @Flag(help: "The amount is micro-USD.") var micros = false
  @Option(help: "A label.") var run = ""

  func perform() async throws {
    var request = TallystickV1.ConsumeRequest()
    request.userId = user
    request.amountMicros = try Amounts.positive(amount, isMicros: micros)
    request.idempotencyKey = mutation.idempotencyKey
    request.runId = run
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.consume, request, connection, output, text: Texts.money)
  }
}

struct PurchaseCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "purchase", abstract: "Adds bought credit.",
    discussion: "Example: tally credits purchase alice 10 --payment pi_42 --package starter")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: Amounts.help) var amount: String
  @Flag(help: "The amount is micro-USD.") var micros = false
  @Option(help: "The payment provider's id: the same payment is added once.") var payment: String
  @Option(help: "What was bought.") var package = ""
  @Option(help: "When the credit expires.") var expires: String?

  /// The key of a purchase whose caller names none: the payment is one already.
  static func key(payment: String) -> String { "payment:\(payment)" }

  func perform() async throws {
    var request = TallystickV1.AddPurchaseRequest()
    request.userId = user
    request.amountMicros = try Amounts.positive(amount, isMicros: micros)
    request.paymentId = payment
    request.package = package
    request.expiresAtMicros = try expires.map(Times.parse)
    request.idempotencyKey = mutation.key ?? Self.key(payment: payment)
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.addPurchase, request, connection, output, text: Texts.money)
  }
}

struct GrantCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "grant", abstract: "Grants a plan's credit, once a user, plan and period.",
    discussion: "Example: tally credits grant alice pro --period 2026-11")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: "The plan's id.") var plan: String
  @Option(help: "A UTC month, or the period's start. The current month when left out.") var period = ""
  @Option(help: "Instead of the plan's amount.") var amount: String?
  @Flag(help: "The amount is micro-USD.") var micros = false
  @Option(help: "Instead of the plan's rule.") var expires: String?

  func perform() async throws {
    var request = TallystickV1.GrantPlanRequest()
    request.userId = user
    request.planId = plan
    request.period = period
    request.amountMicros = try amount.map { try Amounts.parse($0, isMicros: micros) }
    request.expiresAtMicros = try expires.map(Times.parse)
    request.idempotencyKey = mutation.idempotencyKey
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.grantPlan, request, connection, output, text: Texts.money)
  }
}

struct PromoCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "promo", abstract: "Grants promotional credit.",
    discussion: "Example: tally credits promo alice 5 --expires 2026-12-31")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: Amounts.help) var amount: String
  @Flag(help: "The amount is micro-USD.") var micros = false
  @Option(help: "1 to 1000; lower burns first.") var priority: Int32?
  @Option(help: "When the credit becomes effective.") var effective: String?
  @Option(help: "When the credit expires.") var expires: String?

  func perform() async throws {
    var request = TallystickV1.GrantPromoRequest()
    request.userId = user
    request.amountMicros = try Amounts.positive(amount, isMicros: micros)
    request.priority = priority
    request.effectiveAtMicros = try effective.map(Times.parse)
    request.expiresAtMicros = try expires.map(Times.parse)
    request.idempotencyKey = mutation.idempotencyKey
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.grantPromo, request, connection, output, text: Texts.money)
  }
}

struct AdjustCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "adjust", abstract: "Corrects a balance by hand, never below zero. Role: admin.",
    discussion: """
      Example:
        tally credits adjust alice --by=-2.50 --actor ops --reason 'double charge'
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The user.") var user: String
  @Option(parsing: .unconditional, help: "How much, up or down.") var by: String
  @Flag(help: "The amount is micro-USD.") var micros = false
  @Option(help: "Who adjusts.") var actor: String
  @Option(help: "Why.") var reason: String

  func perform() async throws {
    var request = TallystickV1.AdjustRequest()
    request.userId = user
    request.amountMicros = try Amounts.parse(by, isMicros: micros)
    request.actor = actor
    request.reason = reason
    request.idempotencyKey = mutation.idempotencyKey
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.adjust, request, connection, output, text: Texts.money)
  }
}

struct ReserveCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "reserve", abstract: "Holds credit for a while.",
    discussion: "Example: tally credits reserve alice 2 --ttl 15m")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: Amounts.help) var amount: String
  @Flag(help: "The amount is micro-USD.") var micros = false
  @Option(help: "How long: 90s, 15m, 2h, 30d.") var ttl = "15m"
  @Option(help: "A label.") var run = ""

  func perform() async throws {
    var request = TallystickV1.ReserveRequest()
    request.userId = user
    request.amountMicros = try Amounts.positive(amount, isMicros: micros)
    request.ttlMillis = try Times.parseSpan(ttl)
    request.runId = run
    request.idempotencyKey = mutation.idempotencyKey
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.reserve, request, connection, output, text: Texts.money)
  }
}

struct ExtendCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "extend", abstract: "Moves an open hold's expiry.",
    discussion: "Example: tally credits extend hold-17 --ttl 1h")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions

  @Argument(help: "The hold's id, such as hold-17.") var hold: String
  @Option(help: "How long from now: 90s, 15m, 2h, 30d.") var ttl: String

  func perform() async throws {
    var request = TallystickV1.ExtendRequest()
    request.holdId = hold
    request.ttlMillis = try Times.parseSpan(ttl)
    request.idempotencyKey = mutation.idempotencyKey
    try await tally.perform(
      TallystickV1.CreditService.extend, request, connection, output, text: Texts.money)
  }
}

struct CaptureCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "capture", abstract: "Charges a hold with all of it, or less.",
    discussion: "Example: tally credits capture hold-17 1.40")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The hold's id, such as hold-17.") var hold: String
  @Argument(help: "All of the hold when left out; the rest is released.") var amount: String?
  @Flag(help: "The amount is micro-USD.") var micros = false

  func perform() async throws {
    var request = TallystickV1.CaptureRequest()
    request.holdId = hold
    request.amountMicros = try amount.map { try Amounts.parse($0, isMicros: micros) }
    request.idempotencyKey = mutation.idempotencyKey
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.capture, request, connection, output, text: Texts.money)
  }
}

struct ReleaseCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "release", abstract: "Gives a hold's credit back.",
    discussion: "Example: tally credits release hold-17")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions

  @Argument(help: "The hold's id, such as hold-17.") var hold: String

  func perform() async throws {
    var request = TallystickV1.ReleaseRequest()
    request.holdId = hold
    request.idempotencyKey = mutation.idempotencyKey
    try await tally.perform(
      TallystickV1.CreditService.release, request, connection, output, text: Texts.money)
  }
}
