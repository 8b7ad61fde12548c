// Any command of the product as one value, which the models and these tests share, and what engines and
// rules make of it.

internal import TallyModel

@testable internal import TallyCore

typealias Command = TallyModel.Command
typealias UsageCommand = TallyModel.UsageCommand
typealias PageCommand = TallyModel.PageCommand
typealias AdminCommand = TallyModel.AdminCommand
typealias TopUpCommand = TallyModel.TopUpCommand
typealias Outcome = TallyModel.Outcome
typealias UsageOutcome = TallyModel.UsageOutcome
typealias PageOutcome = TallyModel.PageOutcome
typealias AdminOutcome = TallyModel.AdminOutcome
typealias TopUpOutcome = TallyModel.TopUpOutcome

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
