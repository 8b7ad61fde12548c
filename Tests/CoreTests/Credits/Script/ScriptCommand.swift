// A ledger script's mutations, as commands.

internal import TallySQLiteStore

@testable import TallyCore

/// Reads the words of one mutation.
struct CommandReader {
  var words: Words
  let verb: String
  let nowMicros: Int64
  /// What the idempotency digest is taken over: the request as it stands in the script.
  let request: String

  static let verbs: Set<String> = [
    "consume", "purchase", "grant-plan", "promo", "adjust", "reserve", "extend", "capture", "release",
    "refund", "reverse", "reinstate", "void", "forgive", "plan", "settings",
  ]

  mutating func command() throws -> Command {
    let command = try read()
    try words.finish()
    return command
  }

  private mutating func read() throws -> Command {
    switch verb {
    case "consume":
      .consume(
        Command.Consume(
          userId: try words.next("user"), amountMicros: try amount(), runId: words.take("run") ?? "",
          idempotency: try idempotency(), text: try text()))
    case "purchase":
      .addPurchase(
        Command.AddPurchase(
          userId: try words.next("user"), paymentId: try words.next("payment"),
          externalRefs: words.take("refs")?.split(separator: ",").map(String.init) ?? [],
          amountMicros: try amount(), package: words.take("package") ?? "",
          expiresAtMicros: try time("expires"),
          idempotency: try idempotency(), text: try text()))
    case "grant-plan": .grantPlan(try grantPlan())
    case "promo":
      .grantPromo(
        Command.GrantPromo(
          userId: try words.next("user"), amountMicros: try amount(),
          priority: try priority() ?? Lot.defaultPromoPriority, effectiveAtMicros: try time("effective"),
          expiresAtMicros: try time("expires"), idempotency: try idempotency(), text: try text()))
    case "adjust":
      .adjust(
        Command.Adjust(
          userId: try words.next("user"), amountMicros: try amount(), actor: words.take("actor") ?? "root",
          reason: words.take("reason") ?? "correction", idempotency: try idempotency(), text: try text()))
    case "reserve":
      .reserve(
        Command.Reserve(
          userId: try words.next("user"), amountMicros: try amount(), ttlMillis: try ttlMillis(),
          runId: words.take("run") ?? "", idempotency: try idempotency(), text: try text()))
    case "extend":
      .extend(
        Command.Extend(
          holdId: try hold(), ttlMillis: try ttlMillis(), actingUserId: words.take("by"),
          idempotency: try idempotency()))
    case "capture":
      .capture(
        Command.Capture(
          holdId: try hold(), amountMicros: try optionalAmount(), mayDraw: words.take("overage") == "draw",
          actingUserId: words.take("by"), idempotency: try idempotency(), text: try text()))
    case "release":
      .release(
        Command.Release(holdId: try hold(), actingUserId: words.take("by"), idempotency: try idempotency()))
    case "refund", "reverse", "reinstate", "void", "forgive": try moneyBack()
    case "plan": try putPlan()
    case "settings": try putSettings()
    default: throw failure("no such verb: \(verb)")
    }
  }

  private mutating func grantPlan() throws -> Command.GrantPlan {
    let userId = try words.next("user")
    let planId = try words.next("plan")
    let index = try words.take("index").map { try number($0) } ?? 0
    let period = try words.take("period").map { try PeriodName(parsing: $0, index: index) }
    if period == nil, index != 0 { throw PeriodName.invalidIndex("without a date") }
    let amountMicros = try words.take("amount").map { try number($0) }
    return Command.GrantPlan(
      userId: userId, planId: planId, period: period, amountMicros: amountMicros,
      effectiveAtMicros: try time("effective"), expiresAtMicros: try time("expires"),
      idempotency: try idempotency(), text: try text())
  }

  private mutating func plan() throws -> Plan {
    let id = try words.next("plan")
    let credit = try number(words.take("credit") ?? "")
    let expiry: GrantExpiry
    switch words.take("expiry") ?? "never" {
    case "never": expiry = .never
    case "period_end": expiry = .periodEnd
    case let after:
      guard let micros = Spelling.duration(after) else { throw failure("no such expiry: \(after)") }
      expiry = .after(millis: micros / 1_000)
    }
    var plan = Plan(
      id: id, displayName: words.take("name") ?? "", monthlyCreditMicros: credit, grantExpiry: expiry,
      priority: try priority() ?? Lot.defaultPlanPriority)
    plan.timeZone = words.take("zone") ?? ""
    return plan
  }

  /// What a line does not name is kept as it is stored.
  private mutating func putPlan() throws -> Command {
    var plan = try plan()
    var kept: TallyCore.UsageCommand.PutPlan.Kept = []
    if let text = words.take("on_short") {
      guard let onShort = Spelling.onShortNames.first(where: { $0.value == text })?.key else {
        throw failure("no such on_short: \(text)")
      }
      plan.onShort = onShort
    } else {
      kept.insert(.onShort)
    }
    if let text = words.take("rollover") {
      let cap = try number(text)
      plan.rolloverCapMicros = cap == 0 ? nil : cap
    } else {
      kept.insert(.rolloverCap)
    }
    if let text = words.take("default") { plan.isDefault = text == "true" } else { kept.insert(.isDefault) }
    return .putPlan(plan, keeping: kept)
  }

  private mutating func putSettings() throws -> Command {
    var settings = UserSettings(userId: try words.next("user"))
    settings.planId = words.take("plan")
    var kept: TallyCore.AdminCommand.PutSettings.Kept = []
    if let state = words.take("state") {
      settings.isSuspended = state == "SUSPENDED"
    } else {
      kept.insert(.state)
    }
    switch words.take("subscription") {
    case nil: kept.insert(.subscription)
    case "none": break
    case let planId?:
      guard let start = Civil(parsing: words.take("start") ?? "") else { throw failure("start is no date") }
      settings.subscription = Subscription(
        planId: planId, startDay: start.dayNumber, isAutomatic: words.take("grants") == "AUTOMATIC")
    }
    return .admin(.putSettings(settings, keeping: kept))
  }

  func failure(_ message: String) -> ScriptError { ScriptError(line: words.line, message: message) }

  func number(_ text: String) throws -> Int64 {
    guard let number = Spelling.number(text) else { throw failure("not a number: \(text)") }
    return number
  }

  private mutating func amount() throws -> Int64 { try number(try words.next("amount")) }

  /// nil when the line names none.
  mutating func optionalAmount() throws -> Int64? { words.plain.isEmpty ? nil : try amount() }

  private mutating func priority() throws -> Int32? {
    try words.take("priority").map { Int32(truncatingIfNeeded: try number($0)) }
  }

  private mutating func time(_ name: String) throws -> Int64? {
    guard let text = words.take(name) else { return nil }
    guard let micros = Spelling.time(text, nowMicros: nowMicros) else { throw failure("not a time: \(text)") }
    return micros
  }

  private mutating func ttlMillis() throws -> Int64 {
    guard let text = words.take("ttl"), let micros = Spelling.duration(text) else {
      throw failure("ttl is missing or no duration")
    }
    return micros / 1_000
  }

  private mutating func hold() throws -> Int64 {
    let text = try words.next("hold")
    guard let sequence = Identifiers.holdSequence(text) else { throw failure("not a hold's id: \(text)") }
    return sequence
  }

  mutating func text() throws -> FreeText {
    let description = words.take("description") ?? ""
    guard let metadata = Spelling.metadata(words.take("meta") ?? "none") else {
      throw failure("meta is not key:value,...")
    }
    return FreeText(description: description, metadata: metadata)
  }

  mutating func idempotency() throws -> Idempotency {
    guard let key = words.take("key") else { throw failure("key is missing") }
    return Idempotency(key: key, digest: Self.digest(of: request))
  }

  /// Stands for the SHA-256 of the request: as long, and different for different texts.
  static func digest(of text: String) -> Digest {
    var bytes: [UInt8] = []
    for seed in UInt64(1)...4 {
      var hash = 14_695_981_039_346_656_037 &+ seed
      for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
      bytes += (0..<8).map { UInt8(truncatingIfNeeded: hash >> ($0 * 8)) }
    }
    return Digest(bytes: bytes)
  }
}
