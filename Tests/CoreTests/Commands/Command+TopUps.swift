// Commands of top-ups as one value, for tests that mix them with others.

@testable internal import TallyCore

enum TopUpCommand: Equatable {
  typealias Take = TallyCore.TopUpCommand.Take
  typealias Fail = TallyCore.TopUpCommand.Fail

  case put(TopUp)
  case take(Take)
  case fail(Fail)
  case cancel(Int64)

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

enum TopUpOutcome: Equatable {
  case setting(TopUpReceipt)
  case intent(TopUpIntentReceipt)
}

extension Outcome {
  var intent: TopUpIntentReceipt? {
    guard case .topUp(.intent(let receipt)) = self else { return nil }
    return receipt
  }
}
