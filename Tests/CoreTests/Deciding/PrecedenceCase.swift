// One command of the table of precedences, and the obstacles that are put in its way.

internal import TallyMemoryEngine

@testable internal import TallyCore

struct PrecedenceCase {
  enum Verb: String, CaseIterable {
    case consume, purchase, grantPlan = "grant-plan", promo, adjust, take, reserve, extend, capture, release
    case refund, reverse, reinstate, void, forgive
    case begin, finish, record
    case createPage = "create-page", save, patch, restore, duplicate, publish, unpublish
    case schedule, cancelSchedule = "cancel-schedule", setSlug = "set-slug", delete, undelete, purge
    case createMedia = "create-media", deleteMedia = "delete-media"
    case putSettings = "put-settings", putPrices = "put-prices"
    case failIntent = "fail-intent"
  }

  struct Unknown: Error {
    var name: String
  }

  private let verb: Verb
  private var world: Deciding
  private let hold: Int64

  // What the command says, each as long as no obstacle changes it.
  private var amountMicros: Int64 = 10
  private var ttlMillis: Int64 = 60_000
  private var expiresAtMicros: Int64?
  private var key = "fresh"
  private var paymentId = "fresh"
  private var planId = "pro"
  private var holdId: Int64
  private var intentId: Int64?
  private var worker = "w"
  private var transaction: Int64 = 0
  private var eventId = "fresh"
  private var actingUserId: String? = "u"
  private var runId = "fresh"
  private var attempt: Int32 = 1
  private var costMicros: Int64? = 5
  private var startedAtMicros: Int64?
  private var pageId = "page"
  private var newPageId = "fresh"
  private var mediaId = "medium"
  private var shownMediaId = ""
  private var sectionId = "new"
  private var slug = "fresh"
  private var version: Int64 = 1
  private var expectedVersion: Int64 = 2
  private var detaches = true
  private var replyByteCount = 1 << 20

  private static let used = Idempotency(key: "used", digest: Digest(bytes: [UInt8](repeating: 9, count: 32)))
  private static let other = Digest(bytes: [UInt8](repeating: 8, count: 32))
  private static let digest = Digest(bytes: [UInt8](repeating: 7, count: 32))

  // MARK: what is there

  init(_ name: String, _ mode: Deciding.Mode) throws {
    guard let verb = Verb(rawValue: name) else { throw Unknown(name: name) }
    self.verb = verb
    var world = Deciding(mode, nowMicros: noon)
    try world.carryOut(.putPlan(plan("pro", dollar)))
    try world.carryOut(.admin(.putSettings(UserSettings(userId: "u"))))
    try world.carryOut(
      .addPurchase(.init(userId: "u", paymentId: "used", amountMicros: 1_000, idempotency: Self.used)))
    let reserved = try world.carryOut(
      .reserve(.init(userId: "u", amountMicros: 100, ttlMillis: 60_000, idempotency: CoreTests.key("hold"))))
    hold = reserved.receipt?.hold?.id ?? 0
    holdId = hold
    if verb == .createMedia { mediaId = "new" }
    if verb == .finish {
      runId = "run"
      try world.carryOut(.usage(CoreTests.begin("u", "run", 10)))
    }
    try world.carryOut(
      .page(.createMedia(Media(mediaId: "medium", userId: "u", url: "x", source: .generated))))
    let sections = [PageSection(sectionId: "s", kind: "hero")]
    try world.carryOut(
      .page(
        .create(
          .init(
            userId: "u", pageId: "page", content: PageContent(sections: sections), author: "",
            maximumReplyByteCount: 1 << 20))))
    try world.carryOut(.page(.save(Self.save("second", over: 1))))
    self.world = world
    try prepareMoneyBack()
    if verb == .failIntent { try leaseIntent() }
    if verb == .unpublish { try self.world.carryOut(.page(.publish(Self.anybody, version: 1))) }
    if verb == .cancelSchedule {
      try self.world.carryOut(.page(.schedule(Self.anybody, version: 1, atMicros: noon + 9)))
    }
    if verb == .undelete || verb == .purge { try self.world.carryOut(.page(.delete(Self.anybody))) }
  }

  /// What money goes back of.
  private mutating func prepareMoneyBack() throws {
    switch verb {
    case .refund:
      // A debit that has spent its lot.
      try world.carryOut(promo("u", 10, "promo"))
      transaction = try world.carryOut(CoreTests.consume("u", 10, "debit")).receipt?.transaction.sequence ?? 0
    case .void:
      transaction = try world.carryOut(promo("u", 20, "promo")).receipt?.transaction.sequence ?? 0
    case .reverse: paymentId = "used"
    case .reinstate:
      paymentId = "used"
      try world.carryOut(Self.reversal("e", key: "reversal"))
    case .forgive:
      try world.carryOut(CoreTests.purchase("u", 10, "spent"))
      try world.carryOut(CoreTests.consume("u", 910, "all"))
      try world.carryOut(Self.reversal("e", of: "pay-u-spent", key: "reversal"))
    default: break
    }
  }

  private mutating func leaseIntent() throws {
    try world.carryOut(.topUp(.put(TopUp(userId: "u", thresholdMicros: 2_000, targetMicros: 2_000))))
    try world.carryOut(.topUp(.take(.init(worker: "w", leaseMillis: 1_000))))
    intentId = 1
  }

  private static func reversal(_ eventId: String, of paymentId: String = "used", key: String) -> Command {
    .reversePurchase(
      .init(
        paymentId: paymentId, amountMicros: 10, eventId: eventId, onShortfall: .owe,
        idempotency: CoreTests.key(key)))
  }

  private static let anybody = PageTarget(pageId: "page", actingUserId: nil, maximumReplyByteCount: 1 << 20)

  private static func save(_ title: String, over version: Int64, mediaId: String = "") -> PageCommand.Save {
    let section = PageSection(sectionId: "s", kind: "hero", firstMediaId: mediaId)
    return PageCommand.Save(
      target: anybody, expectedVersion: version, content: PageContent(title: title, sections: [section]),
      author: "")
  }

  // MARK: obstacles

  /// Carries the command out once, before anything stands in its way.
  mutating func carryOutBefore(underAnotherKey: Bool) throws {
    let own = key
    if underAnotherKey { key = "another" }
    try world.carryOut(command)
    key = own
  }

  mutating func put(_ obstacle: String) throws {
    if try putAmount(obstacle) { return }
    if try putState(obstacle) { return }
    if try putPage(obstacle) { return }
    throw Unknown(name: obstacle)
  }

  /// - Returns: false when it is another one.
  private mutating func putAmount(_ obstacle: String) throws -> Bool {
    switch obstacle {
    case "nothing": amountMicros = 0
    case "least": amountMicros = Int64.min
    case "greatest": amountMicros = Int64.max
    case "too-much": amountMicros = 1_000_000
    case "more-than-free": amountMicros = 950
    case "no-time": ttlMillis = 0
    case "endless": ttlMillis = Int64.max
    case "expired": expiresAtMicros = noon - 1
    case "other-request": key = "used"
    case "payment-of-another": paymentId = try bought(by: "v")
    case "no-payment": paymentId = "none"
    case "event-used":
      try world.carryOut(CoreTests.purchase("u", 10, "other"))
      try world.carryOut(Self.reversal("other", of: "pay-u-other", key: "event"))
      eventId = "other"
    case "no-intent": intentId = 999
    case "not-leased": worker = "other"
    case "intent-closed":
      if intentId == nil { try leaseIntent() }
      try world.carryOut(
        .addPurchase(
          .init(
            userId: "u", paymentId: "closing", amountMicros: 2_000, intentId: 1,
            idempotency: CoreTests.key("closing"))))
    case "no-transaction": transaction = 999
    case "purchase-row": transaction = 1
    case "no-plan": planId = "none"
    case "granted-around":
      try world.carryOut(
        grant("u", "pro", "around", period: .dates(startDay: noon / Civil.microsPerDay, index: 0)))
    case "granted-otherwise":
      try world.carryOut(grant("u", "pro", "granted", amountMicros: 77))
    case "no-price": costMicros = nil
    case "greatest-total":
      let end = UsageCommand.End(status: .succeeded, costMicros: Int64.max)
      try world.carryOut(.usage(.record(.test("greatest", "v", startedAt: noon, end: end))))
    case "of-the-past":
      try world.carryOut(.putPrices(.init([.init(planId: "pro", unitClass: .input, micros: 2)])))
      startedAtMicros = noon - 1
    case "too-old": startedAtMicros = noon - Rules.oldestEventMicros - 1
    case "too-new": startedAtMicros = noon + Rules.newestEventMicros + 1
    default: return false
    }
    return true
  }

  private mutating func bought(by userId: String) throws -> String {
    try world.carryOut(CoreTests.purchase(userId, 3, "theirs", payment: "theirs"))
    return "theirs"
  }

  private mutating func putState(_ obstacle: String) throws -> Bool {
    switch obstacle {
    case "no-hold": holdId = 999
    case "hold-of-another", "run-of-somebody", "media-of-another", "page-of-another", "row-of-another":
      actingUserId = "v"
    case "settled": try world.carryOut(CoreTests.release(hold, "settled"))
    case "late": world.nowMicros = noon + 3_600 * second
    case "suspended": try suspend()
    case "full-of-lots":
      try changeAccount { account in
        var lot = account.lots[0]
        (lot.remainingMicros, lot.pinnedMicros) = (1, 0)
        account.lots += [Lot](repeating: lot, count: Lot.maximumOpenLotsInAll)
        account.postedMicros += Int64(Lot.maximumOpenLotsInAll)
      }
    case "full-of-holds": try changeAccount { $0.openHoldCount = Hold.maximumOpenHolds }
    case "owing":
      try changeAccount { $0.owed = [OwedPart(purchase: nil, amountMicros: 7)] }
      try subscribe { $0.onShort = .block }
    case "no-run": runId = "none"
    case "second-of-none": attempt = 2
    case "run-of-another":
      runId = "theirs"
      try world.carryOut(.usage(CoreTests.begin("v", "theirs", digest: 9)))
    case "ended-otherwise": try world.carryOut(.usage(CoreTests.finish("run", 1, .failed, digest: 9)))
    case "no-quota": try limit { $0.monthlyGenerations = 0 }
    case "no-cap":
      try subscribe { $0.caps = [Cap(id: "c", CapSubject(.money, .day), limit: 0)] }
    case "no-own-cap":
      // Its hold of 100 counts. What other obstacles need is small.
      let own = CapList(spender: "", caps: [Cap(id: "c", CapSubject(.money, .last(hours: 1)), limit: 105)])
      try world.carryOut(.admin(.putCaps("u", own)))
    case "no-page-quota": try limit { $0.pageCount = 0 }
    case "no-upload-quota": try limit { $0.monthlyUploads = 0 }
    default: return false
    }
    return true
  }

  /// Makes of the account what would take hundreds of commands.
  private mutating func changeAccount(_ body: (inout Account) -> Void) throws {
    let row = try world.decide(CoreTests.consume("u", 1, "look"))
    guard var account = row.effects?.change?.account else { return }
    body(&account)
    let change = Change(account: account, entries: [], ownIndex: 0, holds: [], hold: nil)
    try world.write { $0.add(Effects(change: change)) }
  }

  private mutating func suspend() throws {
    var settings = UserSettings(userId: "u")
    settings.isSuspended = true
    try world.carryOut(.admin(.putSettings(settings)))
  }

  /// Sets a limit of the user's plan.
  private mutating func limit(_ body: (inout PlanLimits) -> Void) throws {
    try subscribe { body(&$0.limits) }
  }

  private mutating func subscribe(_ body: (inout Plan) -> Void) throws {
    var small = plan("small", dollar)
    body(&small)
    var settings = UserSettings(userId: "u")
    settings.planId = "small"
    try world.carryOut(.putPlan(small))
    try world.carryOut(.admin(.putSettings(settings)))
  }

  private mutating func putPage(_ obstacle: String) throws -> Bool {
    switch obstacle {
    case "no-page": pageId = "none"
    case "no-media": (mediaId, shownMediaId) = ("none", "none")
    case "page-id-used":
      newPageId = "theirs"
      try world.carryOut(
        .page(
          .create(
            .init(
              userId: "v", pageId: "theirs", content: PageContent(title: "theirs"), author: "",
              maximumReplyByteCount: 1 << 20))))
    case "slug-taken":
      slug = "theirs"
      // One page more may be beyond the quota.
      if verb == .createPage {
        try world.carryOut(.page(.setSlug(Self.anybody, slug: slug)))
        break
      }
      try world.carryOut(
        .page(
          .create(
            .init(
              userId: "u", pageId: "other", content: PageContent(title: "other"), author: "", slug: slug,
              maximumReplyByteCount: 1 << 20))))
    case "media-id-used": mediaId = "medium"
    case "small-reply": replyByteCount = 1
    case "stale": expectedVersion = 1
    case "ahead": expectedVersion = 99
    case "no-version": version = 99
    case "deleted": try world.carryOut(.page(.delete(Self.anybody)))
    case "live": try world.carryOut(.page(.undelete(Self.anybody)))
    case "section-twice": sectionId = "s"
    case "in-use":
      detaches = false
      try world.carryOut(.page(.save(Self.save("third", over: 2, mediaId: "medium"))))
    default: return false
    }
    return true
  }

  // MARK: the answer

  /// The reason of the refusal, or `replay` or `ok`.
  mutating func answer() throws -> String {
    do {
      return try world.decide(command).reply.isReplay ? "replay" : "ok"
    } catch let refusal as Refusal {
      return refusal.reason.rawValue
    }
  }

  private var idempotency: Idempotency { Idempotency(key: key, digest: Self.digest) }

  private var command: Command {
    switch verb {
    case .consume: .consume(.init(userId: "u", amountMicros: amountMicros, idempotency: idempotency))
    case .purchase:
      .addPurchase(
        .init(
          userId: "u", paymentId: paymentId, amountMicros: amountMicros, expiresAtMicros: expiresAtMicros,
          intentId: intentId, idempotency: idempotency))
    case .grantPlan:
      .grantPlan(
        .init(
          userId: "u", planId: planId, amountMicros: amountMicros, expiresAtMicros: expiresAtMicros,
          idempotency: idempotency))
    case .promo:
      .grantPromo(
        .init(
          userId: "u", amountMicros: amountMicros, expiresAtMicros: expiresAtMicros, idempotency: idempotency)
      )
    case .adjust, .take:
      .adjust(
        .init(
          userId: "u", amountMicros: verb == .take && amountMicros > 0 ? -amountMicros : amountMicros,
          actor: "a", reason: "r", idempotency: idempotency))
    case .reserve:
      .reserve(
        .init(userId: "u", amountMicros: amountMicros, ttlMillis: ttlMillis, idempotency: idempotency))
    case .extend:
      .extend(
        .init(holdId: holdId, ttlMillis: ttlMillis, actingUserId: actingUserId, idempotency: idempotency))
    case .capture:
      .capture(
        .init(
          holdId: holdId, amountMicros: amountMicros, actingUserId: actingUserId, idempotency: idempotency))
    case .release:
      .release(.init(holdId: holdId, actingUserId: actingUserId, idempotency: idempotency))
    case .refund, .reverse, .reinstate, .void, .forgive: moneyBackCommand
    case .begin, .finish, .record: .usage(usageCommand)
    case .failIntent: .topUp(.fail(.init(intentId: intentId ?? 0, worker: worker, message: "")))
    case .putSettings: .admin(.putSettings(settings))
    case .putPrices:
      .putPrices(
        .init([.init(planId: planId, unitClass: .input, micros: 3, effectiveFromMicros: startedAtMicros)]))
    default: .page(pageCommand)
    }
  }

  private var moneyBackCommand: Command {
    switch verb {
    case .refund:
      .refund(
        .init(
          debit: .transaction(transaction), amountMicros: amountMicros, actingUserId: actingUserId,
          idempotency: idempotency))
    case .reverse:
      .reversePurchase(
        .init(
          paymentId: paymentId, amountMicros: amountMicros, eventId: eventId, actingUserId: actingUserId,
          idempotency: idempotency))
    case .reinstate:
      .reinstatePurchase(
        .init(
          paymentId: paymentId, amountMicros: amountMicros, eventId: eventId, actingUserId: actingUserId,
          idempotency: idempotency))
    case .void:
      .voidGrant(
        .init(
          transaction: transaction, amountMicros: amountMicros, actor: "a", reason: "r",
          actingUserId: actingUserId, idempotency: idempotency))
    default:
      .forgiveOwed(
        .init(userId: "u", amountMicros: amountMicros, actor: "a", reason: "r", idempotency: idempotency))
    }
  }

  private var settings: UserSettings {
    var settings = UserSettings(userId: "u")
    settings.planId = planId
    return settings
  }

  private var usageCommand: UsageCommand {
    let end = UsageCommand.End(status: .succeeded, costMicros: costMicros)
    switch verb {
    case .begin:
      return .begin(
        .init(
          userId: "u", runId: runId, attempt: attempt, model: "m", type: "t", estimateMicros: amountMicros,
          ttlMillis: ttlMillis, digest: Self.digest))
    case .finish:
      return .finish(.init(runId: runId, end: end, actingUserId: actingUserId, digest: Self.digest))
    default:
      return .record(
        .init(
          userId: "u", runId: runId, model: "m", type: "t", end: end, startedAtMicros: startedAtMicros,
          digest: Self.digest))
    }
  }

  private var pageCommand: PageCommand {
    let target = PageTarget(
      pageId: pageId, actingUserId: actingUserId, maximumReplyByteCount: replyByteCount)
    let section = PageSection(sectionId: sectionId, kind: "list", firstMediaId: shownMediaId)
    let content = PageContent(title: "title", sections: [section])
    var patch = PagePatch()
    patch.sections = [.add(section, position: 0)]
    return switch verb {
    case .createPage:
      .create(
        .init(
          userId: "u", pageId: newPageId, content: content, author: "", slug: slug,
          maximumReplyByteCount: replyByteCount))
    case .save: .save(.init(target: target, expectedVersion: expectedVersion, content: content, author: ""))
    case .patch:
      .patch(
        .init(
          target: target, expectedVersion: expectedVersion, patch: patch, author: "", digest: Self.digest))
    case .restore:
      .restore(.init(target: target, version: version, expectedVersion: expectedVersion, author: ""))
    case .duplicate: .duplicate(.init(target: target, newPageId: newPageId, title: "", author: ""))
    case .publish: .publish(target, version: version)
    case .unpublish: .unpublish(target)
    case .setSlug: .setSlug(target, slug: slug)
    case .schedule: .schedule(target, version: version, atMicros: noon + 1)
    case .cancelSchedule: .cancelSchedule(target)
    case .delete: .delete(target)
    case .undelete: .undelete(target)
    case .purge: .purge(target)
    case .createMedia:
      .createMedia(Media(mediaId: mediaId, userId: "u", url: "y", source: .upload))
    default:
      .deleteMedia(.init(mediaId: mediaId, actingUserId: actingUserId, detaches: detaches, author: ""))
    }
  }
}

extension Outcome {
  /// Whether nothing was done, since it had been done before.
  fileprivate var isReplay: Bool {
    switch self {
    case .applied(let receipt): receipt.replayed
    case .planStored(_, let unchanged, _): unchanged
    case .pricesStored(let it): it.unchanged
    case .usage(.run(let receipt)): receipt.replayed
    case .page(.changed(_, let replayed, _, _)), .page(.mediaStored(_, let replayed, _)),
      .page(.mediaDeleted(_, _, let replayed, _)):
      replayed
    case .admin(.settingsStored(_, let unchanged, _)): unchanged
    case .admin(.capsStored(_, let unchanged, _)): unchanged
    case .page(.purged), .admin(.rateLimitSet), .admin(.ruleStored), .topUp, .refused: false
    }
  }
}
