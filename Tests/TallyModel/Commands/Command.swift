// Any command of the product as one value, and any outcome, for tests that mix them in scripts, models and
// batches.

package import TallyCore

package enum Command: Sendable, Equatable {
  package typealias Consume = CreditCommand.Consume
  package typealias AddPurchase = CreditCommand.AddPurchase
  package typealias GrantPlan = CreditCommand.GrantPlan
  package typealias GrantPromo = CreditCommand.GrantPromo
  package typealias Adjust = CreditCommand.Adjust
  package typealias Reserve = CreditCommand.Reserve
  package typealias Extend = CreditCommand.Extend
  package typealias Capture = CreditCommand.Capture
  package typealias Release = CreditCommand.Release
  package typealias Refund = CreditCommand.Refund
  package typealias ReversePurchase = CreditCommand.ReversePurchase
  package typealias ReinstatePurchase = CreditCommand.ReinstatePurchase
  package typealias VoidGrant = CreditCommand.VoidGrant
  package typealias ForgiveOwed = CreditCommand.ForgiveOwed

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
}

package enum UsageCommand: Sendable, Equatable {
  package typealias Begin = TallyCore.UsageCommand.Begin
  package typealias Finish = TallyCore.UsageCommand.Finish
  package typealias Record = TallyCore.UsageCommand.Record
  package typealias End = TallyCore.UsageCommand.End

  case begin(Begin)
  case finish(Finish)
  case record(Record)
}

package enum PageCommand: Sendable, Equatable {
  package typealias Create = TallyCore.PageCommand.Create
  package typealias Save = TallyCore.PageCommand.Save
  package typealias Patch = TallyCore.PageCommand.Patch
  package typealias Restore = TallyCore.PageCommand.Restore
  package typealias Duplicate = TallyCore.PageCommand.Duplicate
  package typealias DeleteMedia = TallyCore.PageCommand.DeleteMedia

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
}

package enum AdminCommand: Sendable, Equatable {
  case putSettings(UserSettings, keeping: TallyCore.AdminCommand.PutSettings.Kept = [])
  case setRateLimit(RateLimit)
  case putRule(AlertRule)
  case deleteRule(String)
  case putCaps(String, CapList)
}

package enum Outcome: Sendable, Equatable {
  case applied(Receipt)
  case planStored(Plan, unchanged: Bool, commit: CommitPoint)
  case pricesStored(PricesReceipt)
  case usage(UsageOutcome)
  case page(PageOutcome)
  case admin(AdminOutcome)
  case topUp(TopUpOutcome)
  case refused(Refusal)

  package init(_ result: Result<Outcome, Refusal>) {
    switch result {
    case .success(let outcome): self = outcome
    case .failure(let refusal): self = .refused(refusal)
    }
  }

  package var refusal: Refusal? {
    guard case .refused(let refusal) = self else { return nil }
    return refusal
  }
}

package enum UsageOutcome: Sendable, Equatable {
  case run(RunReceipt)
}

package enum PageOutcome: Sendable, Equatable {
  case changed(PageView, replayed: Bool, rebased: Bool, commit: CommitPoint)
  case purged(versions: Int64, commit: CommitPoint)
  case mediaStored(Media, replayed: Bool, commit: CommitPoint)
  case mediaDeleted(
    detachedPageIds: [String], remainingPageCount: Int, replayed: Bool, commit: CommitPoint)

  package init(_ receipt: PageReceipt) {
    self = .changed(
      receipt.view, replayed: receipt.replayed, rebased: receipt.rebased, commit: receipt.commit)
  }
}

package enum AdminOutcome: Sendable, Equatable {
  case settingsStored(UserSettings, unchanged: Bool, commit: CommitPoint)
  case rateLimitSet(RateLimit, commit: CommitPoint)
  case capsStored(CapList, unchanged: Bool, commit: CommitPoint)
  /// nil: it was deleted.
  case ruleStored(AlertRule?, unchanged: Bool, commit: CommitPoint)
}
