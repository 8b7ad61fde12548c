// How the decider decides any command of the product.

internal import TallyModel

@testable internal import TallyCore

extension Command: Mutation {
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

extension UsageCommand {
  func decide(by decider: Decider) throws(Refusal) -> Decided<RunReceipt> {
    switch self {
    case .begin(let it): try it.decide(by: decider)
    case .finish(let it): try it.decide(by: decider)
    case .record(let it): try it.decide(by: decider)
    }
  }
}

extension PageCommand {
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

extension AdminCommand {
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

extension TopUpCommand {
  func settledUserIds(_ decider: Decider) -> [String] {
    guard case .put(let topUp) = self else { return [] }
    return TallyCore.TopUpCommand.Put(topUp).settledUserIds(decider)
  }

  func decide(by decider: Decider) throws(Refusal) -> Decided<TopUpOutcome> {
    switch self {
    case .put(let it): try TallyCore.TopUpCommand.Put(it).decide(by: decider).map(TopUpOutcome.setting)
    case .take(let it): try it.decide(by: decider).map(TopUpOutcome.intent)
    case .fail(let it): try it.decide(by: decider).map(TopUpOutcome.intent)
    case .cancel(let id):
      try TallyCore.TopUpCommand.Cancel(intentId: id).decide(by: decider).map(TopUpOutcome.intent)
    }
  }
}
