// Commands of top-ups as one value, for tests that mix them with others.

package import TallyCore

package enum TopUpCommand: Sendable, Equatable {
  package typealias Take = TallyCore.TopUpCommand.Take
  package typealias Fail = TallyCore.TopUpCommand.Fail

  case put(TopUp)
  case take(Take)
  case fail(Fail)
  case cancel(Int64)
}

package enum TopUpOutcome: Sendable, Equatable {
  case setting(TopUpReceipt)
  case intent(TopUpIntentReceipt)
}

extension Outcome {
  package var intent: TopUpIntentReceipt? {
    guard case .topUp(.intent(let receipt)) = self else { return nil }
    return receipt
  }
}
