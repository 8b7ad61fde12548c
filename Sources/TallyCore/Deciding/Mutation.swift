// Every mutation, with whose credit it settles, what decides it, and what answers it.
//
// Invariants:
// 1. A reply is typed to its command: nobody has to ask what kind of answer came.
//
// Owner: the writer's queue.

/// What a caller may ask to be changed.
public protocol Mutation<Reply>: Sendable {
  /// What its caller gets when it was applied, now or before.
  associatedtype Reply: Sendable

  /// The users whose expired credit is written off before it is decided; none when it moves no credit.
  func settledUserIds(_ decider: Decider) -> [String]
  /// - Throws: why it is refused.
  func decide(by decider: Decider) throws(Refusal) -> Decided<Reply>
}

extension Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { [] }
}

// MARK: credits

extension CreditCommand.Consume: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { [userId] }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<Receipt> { try decider.decide(self) }
}

extension CreditCommand.AtomicConsume: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { items.compactMap { $0.accepted?.userId } }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<[Outcome<Receipt>]> {
    try decider.decide(self)
  }
}

extension CreditCommand.AddPurchase: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { [userId] }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<Receipt> { try decider.decide(self) }
}

extension CreditCommand.GrantPlan: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { [userId] }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<Receipt> { try decider.decide(self) }
}

extension CreditCommand.GrantPromo: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { [userId] }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<Receipt> { try decider.decide(self) }
}

extension CreditCommand.Adjust: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { [userId] }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<Receipt> { try decider.decide(self) }
}

extension CreditCommand.Reserve: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { [userId] }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<Receipt> { try decider.decide(self) }
}

extension CreditCommand.Extend: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { decider.owner(ofHold: holdId) }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<Receipt> { try decider.decide(self) }
}

extension CreditCommand.Capture: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { decider.owner(ofHold: holdId) }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<Receipt> { try decider.decide(self) }
}

extension CreditCommand.Release: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { decider.owner(ofHold: holdId) }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<Receipt> { try decider.decide(self) }
}

extension CreditCommand.Refund: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] {
    switch debit {
    case .transaction(let sequence): decider.owner(ofRow: sequence)
    case .run(let runId, let attempt): decider.owner(ofRun: runId, attempt: attempt == 0 ? nil : attempt)
    }
  }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<Receipt> { try decider.decide(self) }
}

extension CreditCommand.ReversePurchase: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { decider.owner(ofPayment: paymentId) }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<Receipt> { try decider.decide(self) }
}

extension CreditCommand.ReinstatePurchase: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { decider.owner(ofPayment: paymentId) }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<Receipt> { try decider.decide(self) }
}

extension CreditCommand.VoidGrant: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { decider.owner(ofRow: transaction) }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<Receipt> { try decider.decide(self) }
}

extension CreditCommand.ForgiveOwed: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { [userId] }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<Receipt> { try decider.decide(self) }
}

// MARK: runs and plans

extension UsageCommand.Begin: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { [userId] }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<RunReceipt> { try decider.decide(self) }
}

extension UsageCommand.Finish: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { decider.owner(ofRun: runId, attempt: attempt) }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<RunReceipt> { try decider.decide(self) }
}

extension UsageCommand.Record: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<RunReceipt> { try decider.decide(self) }
}

extension UsageCommand.PutPlan: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<PlanReceipt> { try decider.decide(self) }
}

extension CapCommand.Put: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<CapsReceipt> { try decider.decide(self) }
}

extension UsageCommand.PutPrices: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<PricesReceipt> {
    try decider.decide(self)
  }
}

// MARK: pages and media

extension PageCommand.Create: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<PageReceipt> { try decider.decide(self) }
}

extension PageCommand.Save: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<PageReceipt> { try decider.decide(self) }
}

extension PageCommand.Patch: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<PageReceipt> { try decider.decide(self) }
}

extension PageCommand.Restore: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<PageReceipt> { try decider.decide(self) }
}

extension PageCommand.Duplicate: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<PageReceipt> { try decider.decide(self) }
}

extension PageCommand.Publish: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<PageReceipt> { try decider.decide(self) }
}

extension PageCommand.Unpublish: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<PageReceipt> { try decider.decide(self) }
}

extension PageCommand.Schedule: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<PageReceipt> { try decider.decide(self) }
}

extension PageCommand.CancelSchedule: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<PageReceipt> { try decider.decide(self) }
}

extension PageCommand.SetSlug: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<PageReceipt> { try decider.decide(self) }
}

extension PageCommand.Delete: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<PageReceipt> { try decider.decide(self) }
}

extension PageCommand.Undelete: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<PageReceipt> { try decider.decide(self) }
}

extension PageCommand.Purge: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<PurgeReceipt> {
    try decider.decide(self)
  }
}

extension PageCommand.CreateMedia: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<MediaReceipt> {
    try decider.decide(self)
  }
}

extension PageCommand.DeleteMedia: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<MediaDeletion> {
    try decider.decide(self)
  }
}

// MARK: users and limits

extension AdminCommand.PutSettings: Mutation {
  /// What was due of the subscription until now is granted first.
  public func settledUserIds(_ decider: Decider) -> [String] { [settings.userId] }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<SettingsReceipt> {
    try decider.decide(self)
  }
}

extension AlertCommand.PutRule: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<AlertRuleReceipt> {
    try decider.decide(self)
  }
}

extension AlertCommand.DeleteRule: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<AlertRuleReceipt> {
    try decider.decide(self)
  }
}

extension TopUpCommand.Put: Mutation {
  public func settledUserIds(_ decider: Decider) -> [String] { [topUp.userId] }
  public func decide(by decider: Decider) throws(Refusal) -> Decided<TopUpReceipt> {
    try decider.decide(self)
  }
}

extension TopUpCommand.Take: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<TopUpIntentReceipt> {
    try decider.decide(self)
  }
}

extension TopUpCommand.Fail: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<TopUpIntentReceipt> {
    try decider.decide(self)
  }
}

extension TopUpCommand.Cancel: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<TopUpIntentReceipt> {
    try decider.decide(self)
  }
}

extension AdminCommand.SetRateLimit: Mutation {
  public func decide(by decider: Decider) throws(Refusal) -> Decided<RateLimitReceipt> {
    try decider.decide(self)
  }
}
