// How often a store across a wire has to load records: by the depth of what a command looks up, never by the
// number of commands in a batch, nor by what they have in common.

internal import TallyMemoryEngine
internal import Testing

@testable internal import TallyCore

@Suite("Record loads")
struct RecordLoadTests {
  private static let batch = 64
  /// Of the deepest command; each load names records that the one before has led to.
  private static let maximumLoads = 12

  /// What is measured, and what must be there before.
  enum Subject: String, CaseIterable, Sendable {
    case consume, purchase, grantPlan, reserve, capture, release, extend, begin, finish, record
    case refund, reverse, reinstate, void, forgive, purchaseByRef, captureDrawing
    case subscribe, consumeDue, grantAnchored
    case createPage, savePage, deletePage, createMedia, putSettings, setRateLimit, consumeOfMany, consumeAgain
  }

  private static func idempotency(_ name: String) -> Idempotency { key(name) }

  private static func target(_ number: Int) -> PageTarget {
    PageTarget(pageId: "p\(number)", actingUserId: "u", maximumReplyByteCount: 1 << 20)
  }

  private static func create(_ number: Int, media: String = "") -> Command {
    let section = PageSection(sectionId: "s", kind: "hero", firstMediaId: media)
    return .page(
      .create(
        .init(
          userId: "u", pageId: "p\(number)", content: PageContent(sections: [section]), author: "",
          maximumReplyByteCount: 1 << 20)))
  }

  /// Everything that the subjects name.
  private static func prepare(_ rig: MemoryRig) throws {
    var pro = plan("pro", dollar)
    pro.limits = PlanLimits(monthlyGenerations: 1_000, monthlyUploads: 1_000, pageCount: 1_000)
    pro.timeZone = "Asia/Kathmandu"
    var settings = UserSettings(userId: "u")
    settings.planId = "pro"
    var commands: [Command] = [
      .putPlan(pro), .admin(.putSettings(settings)), purchase("u", 1_000 * dollar, "all"),
      .page(.createMedia(Media(mediaId: "shown", userId: "u", url: "x", source: .upload))),
    ]
    for number in 0..<batch {
      commands.append(purchase("u\(number)", dollar, "p\(number)"))
      commands.append(.usage(RecordLoadTests.begin(number, "old")))
      commands.append(create(number, media: "shown"))
    }
    for number in 0..<batch {
      commands.append(
        .reserve(
          Command.Reserve(
            userId: "u", amountMicros: 1, ttlMillis: 1_000 + Int64(number), idempotency: key("h\(number)"))))
    }
    for outcome in rig.engine.apply(commands) { #expect(outcome.refusal == nil) }
    try prepareMoneyBack(rig)
    for outcome in rig.engine.apply((0..<batch).map { subscription("due\($0)") }) {
      #expect(outcome.refusal == nil)
    }
  }

  /// A grant of it is due at once.
  private static func subscription(_ userId: String) -> Command {
    var settings = UserSettings(userId: userId)
    settings.subscription = Subscription(
      planId: "pro", startDay: noon / Civil.microsPerDay - 3, isAutomatic: true)
    return .admin(.putSettings(settings))
  }

  /// What money goes back of: of each user a debit over two lots, a purchase that is spent, and a reversal
  /// that is owed for.
  private static func prepareMoneyBack(_ rig: MemoryRig) throws {
    var commands: [Command] = []
    for number in 0..<batch {
      let userId = "back\(number)"
      commands += [promo(userId, 5, "promo"), purchase(userId, 5, "spent"), consume(userId, 10, "debit")]
      commands += [promo(userId, 5, "free"), purchase(userId, 5, "reversed")]
      commands.append(reversal("pay-\(userId)-spent", "owe\(number)", "owe", amountMicros: 2))
      commands.append(reversal("pay-\(userId)-reversed", "event\(number)", "reversal"))
    }
    for outcome in rig.engine.apply(commands) { #expect(outcome.refusal == nil) }
  }

  private static func reversal(
    _ paymentId: String, _ eventId: String, _ name: String, amountMicros: Int64? = nil
  ) -> Command {
    .reversePurchase(
      .init(
        paymentId: paymentId, amountMicros: amountMicros, eventId: eventId, onShortfall: .owe,
        idempotency: key(name)))
  }

  /// Rows of a user in `prepareMoneyBack`.
  private static func row(_ type: TransactionType, _ number: Int, _ rig: MemoryRig) -> Int64 {
    var filter = TransactionFilter(userId: "back\(number)", limit: 10)
    filter.types = [type]
    return (try? rig.engine.transactions(filter).value.rows.first?.sequence) ?? 0
  }

  private static func begin(_ number: Int, _ name: String) -> UsageCommand {
    .begin(
      UsageCommand.Begin(
        userId: "u", runId: "\(name)\(number)", model: "m\(number)", type: "t", estimateMicros: 10,
        ttlMillis: 60_000, digest: Digest(bytes: [UInt8](repeating: 1, count: 32))))
  }

  private static func moneyBack(_ subject: Subject, _ number: Int, _ rig: MemoryRig) -> Command {
    let name = "\(subject)\(number)"
    switch subject {
    case .refund:
      return .refund(
        .init(debit: .transaction(row(.apiUsage, number, rig)), amountMicros: 7, idempotency: key(name)))
    case .reverse: return reversal("pay-back\(number)-spent", "again\(number)", name)
    case .reinstate:
      return .reinstatePurchase(
        .init(paymentId: "pay-back\(number)-reversed", eventId: "won\(number)", idempotency: key(name)))
    case .void:
      return .voidGrant(
        .init(
          transaction: row(.promoGrant, number, rig), actor: "a", reason: "r", idempotency: key(name)))
    default:
      return .forgiveOwed(
        .init(userId: "back\(number)", amountMicros: 1, actor: "a", reason: "r", idempotency: key(name)))
    }
  }

  private static func command(
    _ subject: Subject, _ number: Int, holds: [Hold], _ rig: MemoryRig
  ) -> Command {
    let name = "\(subject)\(number)"
    switch subject {
    case .refund, .reverse, .reinstate, .void, .forgive: return moneyBack(subject, number, rig)
    case .purchaseByRef:
      return .addPurchase(
        .init(
          userId: "u", paymentId: "ref\(number)", externalRefs: ["pay-u-all", "ref-\(number)"],
          amountMicros: 1_000 * dollar, idempotency: key(name)))
    case .captureDrawing:
      return .capture(
        .init(holdId: holds[number].id, amountMicros: 1 << 40, mayDraw: true, idempotency: key(name)))
    case .consume: return consume("u", 1, name)
    case .consumeOfMany: return consume("u\(number)", 1, name)
    case .consumeAgain: return consume("u", 1, "consume0")
    case .purchase: return purchase("u", 1, name)
    case .grantPlan: return grant("u\(number)", "pro", name)
    case .grantAnchored:
      return .grantPlan(
        .init(
          userId: "u\(number)", planId: "pro",
          period: .dates(startDay: noon / Civil.microsPerDay - 3, index: 1), idempotency: key(name)))
    case .subscribe: return subscription("u\(number)")
    case .consumeDue: return consume("due\(number)", 1, name)
    case .reserve: return reserve("u", 1, name)
    case .capture: return capture(holds[number].id, 1, name)
    case .release: return release(holds[number].id, name)
    case .extend: return extend(holds[number].id, name)
    case .begin: return .usage(begin(number, "new"))
    case .finish: return .usage(.finish(.test("old\(number)", cost: 5)))
    case .record: return .usage(.record(.test(name, "u", startedAt: noon - 1, model: name)))
    case .createPage: return create(1_000 + number, media: "shown")
    case .savePage:
      let content = PageContent(title: "new", sections: [PageSection(sectionId: "s", kind: "list")])
      return .page(
        .save(.init(target: target(number), expectedVersion: 1, content: content, author: "")))
    case .deletePage: return .page(.delete(target(number)))
    case .createMedia:
      return .page(.createMedia(Media(mediaId: name, userId: "u", url: "x", source: .upload)))
    case .putSettings:
      var settings = UserSettings(userId: "u\(number)")
      settings.planId = "pro"
      return .admin(.putSettings(settings))
    case .setRateLimit: return .admin(.setRateLimit(RateLimit(.user("u\(number)"), perSecond: 1, burst: 1)))
    }
  }

  /// Loads of one batch on an engine that has just started, so that it knows no account.
  private func loads(_ count: Int, _ subject: Subject) throws -> Int {
    let rig = try MemoryRig(isAcrossWire: true)
    rig.setTime(micros: noon)
    try Self.prepare(rig)
    if subject == .consumeAgain { #expect(rig.engine.apply(consume("u", 1, "consume0")).refusal == nil) }
    try rig.restart()
    var filter = HoldFilter(userId: "u", limit: 1_000)
    filter.states = [.open]
    // Each is the next to expire once those before it are settled, so that the one after it is looked for.
    let holds = try rig.engine.holds(filter).value.rows.sorted { $0.expiresAtMicros < $1.expiresAtMicros }
    try #require(holds.count >= Self.batch)
    let commands = (0..<count).map { Self.command(subject, $0, holds: holds, rig) }
    let before = rig.loadCounts.loads
    let outcomes = rig.engine.apply(commands)
    #expect(
      outcomes.allSatisfy { $0.refusal == nil }, "\(outcomes.first { $0.refusal != nil } ?? outcomes[0])")
    #expect(try rig.engine.findings() == [])
    return rig.loadCounts.loads - before
  }

  @Test("a batch of 64 commands takes no more loads than one, or one more", arguments: Subject.allCases)
  func batches(_ subject: Subject) throws {
    let one = try loads(1, subject)
    let many = try loads(Self.batch, subject)
    #expect(one >= 1 && one <= Self.maximumLoads, "\(one)")
    #expect(many <= one + 1, "\(one) loads for one command, \(many) for \(Self.batch)")
  }

  @Test("a medium is taken out of 64 pages with as many loads as out of one")
  func detaching() throws {
    let rig = try MemoryRig(isAcrossWire: true)
    rig.setTime(micros: noon)
    try Self.prepare(rig)
    try rig.restart()
    let before = rig.loadCounts.loads
    let outcome = rig.engine.apply(
      .page(.deleteMedia(.init(mediaId: "shown", actingUserId: "u", detaches: true, author: ""))))
    guard case .page(.mediaDeleted(let pageIds, _, _, _)) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(pageIds.count == Self.batch)
    #expect(rig.loadCounts.loads - before <= Self.maximumLoads)
  }

  /// Loads of a sweep of so many users to whom something is due.
  private func sweepLoads(_ userCount: Int) throws -> Int {
    let rig = try MemoryRig(isAcrossWire: true)
    rig.setTime(micros: noon)
    var commands: [Command] = [.putPlan(plan("pro", dollar))]
    commands += (0..<userCount).map { Self.subscription("due\($0)") }
    for outcome in rig.engine.apply(commands) { #expect(outcome.refusal == nil) }
    try rig.restart()
    let before = rig.loadCounts.loads
    try rig.sweep()
    let loads = rig.loadCounts.loads - before
    let balances = try rig.engine.balances(userIds: (0..<userCount).map { "due\($0)" }).value
    #expect(balances.allSatisfy { $0.availableMicros == dollar && $0.version == 1 })
    #expect(try rig.engine.findings() == [])
    return loads
  }

  @Test("what is due of the subscriptions of many users is granted with as many loads as of one")
  func granting() throws {
    let one = try sweepLoads(1)
    #expect(one >= 1 && one <= Self.maximumLoads, "\(one)")
    #expect(try sweepLoads(Self.batch) == one)
  }

  @Test("what has expired of many holds and of many users is written off with few loads")
  func settling() throws {
    let rig = try MemoryRig(isAcrossWire: true)
    rig.setTime(micros: noon)
    try Self.prepare(rig)
    for number in 0..<Self.batch {
      #expect(rig.engine.apply(reserve("u\(number)", 1, "short")).refusal == nil)
    }
    rig.setTime(micros: noon + 61 * second)
    try rig.restart()
    var before = rig.loadCounts.loads
    // Its 64 holds, and those of its runs.
    #expect(rig.engine.apply(consume("u", 1, "after")).refusal == nil)
    #expect(rig.loadCounts.loads - before <= Self.maximumLoads)
    before = rig.loadCounts.loads
    try rig.sweep()
    #expect(rig.loadCounts.loads - before <= Self.maximumLoads)
    let holds = try rig.engine.holds(HoldFilter(userId: "u1", limit: 10)).value.rows
    #expect(holds.map(\.state) == [.expired] && holds.allSatisfy { $0.settledAtMicros != 0 })
    #expect(try rig.engine.findings() == [])
  }
}
