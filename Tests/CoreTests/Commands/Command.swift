// Any command of the product as one value, and any outcome, for tests that mix them in scripts, models and
// batches.

@testable internal import TallyCore

enum Command: Mutation, Equatable {
  typealias Consume = CreditCommand.Consume
  typealias AddPurchase = CreditCommand.AddPurchase
  typealias GrantPlan = CreditCommand.GrantPlan
  typealias GrantPromo = CreditCommand.GrantPromo
  typealias Adjust = CreditCommand.Adjust
  typealias Reserve = CreditCommand.Reserve
  typealias Extend = CreditCommand.Extend
  typealias Capture = CreditCommand.Capture
  typealias Release = CreditCommand.Release
  typealias Refund = CreditCommand.Refund
  typealias ReversePurchase = CreditCommand.ReversePurchase
  typealias ReinstatePurchase = CreditCommand.ReinstatePurchase
  typealias VoidGrant = CreditCommand.VoidGrant
  typealias ForgiveOwed = CreditCommand.ForgiveOwed

  case consume(Consume)
  case addPurchase(AddPurchase)
  case grantPlan(GrantPlan)
  case grantPromo(GrantPromo)
  case adjust(Adjust)
  case reserve(Reserve)
  case extend(Extend)
  case capture(Capture)
  case release(Release)
  case refund(Refund)
  case reversePurchase(ReversePurchase)
  case reinstatePurchase(ReinstatePurchase)
  case voidGrant(VoidGrant)
  case forgiveOwed(ForgiveOwed)
  case putPlan(Plan, keeping: TallyCore.UsageCommand.PutPlan.Kept = [])
  case putPrices(TallyCore.UsageCommand.PutPrices)
  case usage(UsageCommand)
  case page(PageCommand)
  case admin(AdminCommand)
  case topUp(TopUpCommand)

  func settledUserIds(_ decider: Decider) -> [String] {
    switch self {
    case .consume(let it): it.settledUserIds(decider)
    case .addPurchase(let it): it.settledUserIds(decider)
    case .grantPlan(let it): it.settledUserIds(decider)
    case .grantPromo(let it): it.settledUserIds(decider)
    case .adjust(let it): it.settledUserIds(decider)
    case .reserve(let it): it.settledUserIds(decider)
    case .extend(let it): it.settledUserIds(decider)
    case .capture(let it): it.settledUserIds(decider)
    case .release(let it): it.settledUserIds(decider)
    case .refund(let it): it.settledUserIds(decider)
    case .reversePurchase(let it): it.settledUserIds(decider)
    case .reinstatePurchase(let it): it.settledUserIds(decider)
    case .voidGrant(let it): it.settledUserIds(decider)
    case .forgiveOwed(let it): it.settledUserIds(decider)
    case .usage(.begin(let it)): it.settledUserIds(decider)
    case .usage(.finish(let it)): it.settledUserIds(decider)
    case .usage(.record(let it)): it.settledUserIds(decider)
    case .topUp(let it): it.settledUserIds(decider)
    case .putPlan, .putPrices, .page, .admin: []
    }
  }

  func decide(by decider: Decider) throws(Refusal) -> Decided<Outcome> {
    switch self {
    case .consume(let it): try it.decide(by: decider).map(Outcome.applied)
    case .addPurchase(let it): try it.decide(by: decider).map(Outcome.applied)
    case .grantPlan(let it): try it.decide(by: decider).map(Outcome.applied)
    case .grantPromo(let it): try it.decide(by: decider).map(Outcome.applied)
    case .adjust(let it): try it.decide(by: decider).map(Outcome.applied)
    case .reserve(let it): try it.decide(by: decider).map(Outcome.applied)
    case .extend(let it): try it.decide(by: decider).map(Outcome.applied)
    case .capture(let it): try it.decide(by: decider).map(Outcome.applied)
    case .release(let it): try it.decide(by: decider).map(Outcome.applied)
    case .refund(let it): try it.decide(by: decider).map(Outcome.applied)
    case .reversePurchase(let it): try it.decide(by: decider).map(Outcome.applied)
    case .reinstatePurchase(let it): try it.decide(by: decider).map(Outcome.applied)
    case .voidGrant(let it): try it.decide(by: decider).map(Outcome.applied)
    case .forgiveOwed(let it): try it.decide(by: decider).map(Outcome.applied)
    case .putPlan(let plan, let kept):
      try TallyCore.UsageCommand.PutPlan(plan, keeping: kept).decide(by: decider).map {
        .planStored($0.plan, unchanged: $0.unchanged, commit: $0.commit)
      }
    case .putPrices(let it): try it.decide(by: decider).map(Outcome.pricesStored)
    case .usage(let it): try it.decide(by: decider).map { .usage(.run($0)) }
    case .page(let it): try it.decide(by: decider).map(Outcome.page)
    case .admin(let it): try it.decide(by: decider).map(Outcome.admin)
    case .topUp(let it): try it.decide(by: decider).map(Outcome.topUp)
    }
  }
}

enum UsageCommand: Equatable {
  typealias Begin = TallyCore.UsageCommand.Begin
  typealias Finish = TallyCore.UsageCommand.Finish
  typealias Record = TallyCore.UsageCommand.Record
  typealias End = TallyCore.UsageCommand.End

  case begin(Begin)
  case finish(Finish)
  case record(Record)

  func decide(by decider: Decider) throws(Refusal) -> Decided<RunReceipt> {
    switch self {
    case .begin(let it): try it.decide(by: decider)
    case .finish(let it): try it.decide(by: decider)
    case .record(let it): try it.decide(by: decider)
    }
  }
}

enum PageCommand: Equatable {
  typealias Create = TallyCore.PageCommand.Create
  typealias Save = TallyCore.PageCommand.Save
  typealias Patch = TallyCore.PageCommand.Patch
  typealias Restore = TallyCore.PageCommand.Restore
  typealias Duplicate = TallyCore.PageCommand.Duplicate
  typealias DeleteMedia = TallyCore.PageCommand.DeleteMedia

  case create(Create)
  case save(Save)
  case patch(Patch)
  case restore(Restore)
  case duplicate(Duplicate)
  case publish(PageTarget, version: Int64)
  case unpublish(PageTarget)
  case setSlug(PageTarget, slug: String?)
  case schedule(PageTarget, version: Int64, atMicros: Int64)
  case cancelSchedule(PageTarget)
  case delete(PageTarget)
  case undelete(PageTarget)
  case purge(PageTarget)
  case createMedia(Media)
  case deleteMedia(DeleteMedia)

  func decide(by decider: Decider) throws(Refusal) -> Decided<PageOutcome> {
    typealias Pages = TallyCore.PageCommand
    return switch self {
    case .create(let it): try it.decide(by: decider).map(PageOutcome.init)
    case .save(let it): try it.decide(by: decider).map(PageOutcome.init)
    case .patch(let it): try it.decide(by: decider).map(PageOutcome.init)
    case .restore(let it): try it.decide(by: decider).map(PageOutcome.init)
    case .duplicate(let it): try it.decide(by: decider).map(PageOutcome.init)
    case .publish(let target, let version):
      try Pages.Publish(target: target, version: version).decide(by: decider).map(PageOutcome.init)
    case .unpublish(let target): try Pages.Unpublish(target: target).decide(by: decider).map(PageOutcome.init)
    case .schedule(let target, let version, let atMicros):
      try Pages.Schedule(target: target, version: version, atMicros: atMicros).decide(by: decider)
        .map(PageOutcome.init)
    case .cancelSchedule(let target):
      try Pages.CancelSchedule(target: target).decide(by: decider).map(PageOutcome.init)
    case .setSlug(let target, let slug):
      try Pages.SetSlug(target: target, slug: slug).decide(by: decider).map(PageOutcome.init)
    case .delete(let target): try Pages.Delete(target: target).decide(by: decider).map(PageOutcome.init)
    case .undelete(let target): try Pages.Undelete(target: target).decide(by: decider).map(PageOutcome.init)
    case .purge(let target):
      try Pages.Purge(target: target).decide(by: decider).map {
        .purged(versions: $0.versions, commit: $0.commit)
      }
    case .createMedia(let media):
      try Pages.CreateMedia(media).decide(by: decider).map {
        .mediaStored($0.media, replayed: $0.replayed, commit: $0.commit)
      }
    case .deleteMedia(let it):
      try it.decide(by: decider).map {
        .mediaDeleted(
          detachedPageIds: $0.detachedPageIds, remainingPageCount: $0.remainingPageCount,
          replayed: $0.replayed, commit: $0.commit)
      }
    }
  }
}

enum AdminCommand: Equatable {
  case putSettings(UserSettings, keeping: TallyCore.AdminCommand.PutSettings.Kept = [])
  case setRateLimit(RateLimit)
  case putRule(AlertRule)
  case deleteRule(String)
  case putCaps(String, CapList)

  func decide(by decider: Decider) throws(Refusal) -> Decided<AdminOutcome> {
    typealias Admin = TallyCore.AdminCommand
    return switch self {
    case .putSettings(let settings, let kept):
      try Admin.PutSettings(settings, keeping: kept).decide(by: decider).map {
        .settingsStored($0.settings, unchanged: $0.unchanged, commit: $0.commit)
      }
    case .setRateLimit(let limit):
      try Admin.SetRateLimit(limit).decide(by: decider).map { .rateLimitSet($0.limit, commit: $0.commit) }
    case .putRule(let rule):
      try AlertCommand.PutRule(rule).decide(by: decider).map {
        .ruleStored($0.rule, unchanged: $0.unchanged, commit: $0.commit)
      }
    case .putCaps(let userId, let list):
      try CapCommand.Put(userId: userId, list).decide(by: decider).map {
        .capsStored($0.list, unchanged: $0.unchanged, commit: $0.commit)
      }
    case .deleteRule(let id):
      try AlertCommand.DeleteRule(id: id).decide(by: decider).map {
        .ruleStored($0.rule, unchanged: $0.unchanged, commit: $0.commit)
      }
    }
  }
}

enum Outcome: Equatable {
  case applied(Receipt)
  case planStored(Plan, unchanged: Bool, commit: CommitPoint)
  case pricesStored(PricesReceipt)
  case usage(UsageOutcome)
  case page(PageOutcome)
  case admin(AdminOutcome)
  case topUp(TopUpOutcome)
  case refused(Refusal)

  init(_ result: Result<Outcome, Refusal>) {
    switch result {
    case .success(let outcome): self = outcome
    case .failure(let refusal): self = .refused(refusal)
    }
  }
}

enum UsageOutcome: Equatable {
  case run(RunReceipt)
}

enum PageOutcome: Equatable {
  case changed(PageView, replayed: Bool, rebased: Bool, commit: CommitPoint)
  case purged(versions: Int64, commit: CommitPoint)
  case mediaStored(Media, replayed: Bool, commit: CommitPoint)
  case mediaDeleted(
    detachedPageIds: [String], remainingPageCount: Int, replayed: Bool, commit: CommitPoint)

  init(_ receipt: PageReceipt) {
    self = .changed(
      receipt.view, replayed: receipt.replayed, rebased: receipt.rebased, commit: receipt.commit)
  }
}

enum AdminOutcome: Equatable {
  case settingsStored(UserSettings, unchanged: Bool, commit: CommitPoint)
  case rateLimitSet(RateLimit, commit: CommitPoint)
  case capsStored(CapList, unchanged: Bool, commit: CommitPoint)
  /// nil: it was deleted.
  case ruleStored(AlertRule?, unchanged: Bool, commit: CommitPoint)
}

extension Engine {
  func submit(
    _ submission: Submission<Command>, group: (any ReplyGroup)?,
    completion: @escaping @Sendable ([Outcome]) -> Void
  ) {
    submit(
      Work(submission: submission, group: group) { (results: [Result<Outcome, Refusal>]) in
        completion(results.map(Outcome.init))
      })
  }
}

extension EngineFaults {
  /// Calls a closure with each command that changes something, after its rows were written.
  mutating func afterWriting(_ body: @escaping @Sendable (Command) throws(StoreFault) -> Void) {
    insideCommand = { (command) throws(StoreFault) in
      if let command = command as? Command { try body(command) }
    }
  }
}

extension Rules {
  /// Of commands of credit that name no earlier row only.
  static func decide(_ command: Command, _ context: DecisionContext) throws(Refusal) -> Change {
    switch command {
    case .consume(let it): try decide(it, context)
    case .addPurchase(let it): try decide(it, context)
    case .grantPlan(let it): try decide(it, context)
    case .grantPromo(let it): try decide(it, context)
    case .adjust(let it): try decide(it, context)
    case .reserve(let it): try decide(it, context)
    case .extend(let it): try decide(it, context)
    case .capture(let it): try decide(it, context) { () throws(Refusal) in .forgive }
    case .release(let it): try decide(it, context)
    case .forgiveOwed(let it): try decide(it, context)
    case .refund, .reversePurchase, .reinstatePurchase, .voidGrant, .putPlan, .putPrices, .usage, .page,
      .admin, .topUp:
      throw Refusal(.corrupt, "the command names an earlier row, or is not one of credit")
    }
  }
}

extension Decided {
  func map<Other>(_ body: (Reply) -> Other) -> Decided<Other> {
    var other = Decided<Other>(body(reply), effects)
    other.isReplay = isReplay
    other.pageByteCount = pageByteCount
    return other
  }
}
