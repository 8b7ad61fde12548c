// Where an answer differs from what was expected, whatever their places among the commits.

internal import TallyCore

extension Outcome {
  /// - Returns: nil when an engine's answer is what the model expects, wherever in the order it stands.
  package func difference(from expected: Outcome) -> String? {
    switch (expected, self) {
    case (.applied(let expected), .applied(let actual)):
      var transaction = actual.transaction
      transaction.commit = expected.transaction.commit
      if transaction != expected.transaction {
        return "transaction \(transaction), expected \(expected.transaction)"
      }
      if actual.balance != expected.balance {
        return "balance \(actual.balance), expected \(expected.balance)"
      }
      if actual.hold != expected.hold {
        return "hold \(String(describing: actual.hold)), expected \(String(describing: expected.hold))"
      }
      return actual.replayed == expected.replayed ? nil : "replayed \(actual.replayed)"
    case (.usage(.run(let expected)), .usage(.run(var actual))):
      actual.commit = expected.commit
      if let commit = expected.transaction?.commit { actual.transaction?.commit = commit }
      return actual == expected ? nil : "\(actual), expected \(expected)"
    case (.pricesStored(var expected), .pricesStored(let actual)):
      // The model numbers no commits.
      expected.commit = actual.commit
      for index in expected.prices.indices where index < actual.prices.count {
        expected.prices[index].commitSequence = actual.prices[index].commitSequence
      }
      return expected == actual ? nil : "\(actual), expected \(expected)"
    case (.planStored(let expected, let wasUnchanged, _), .planStored(let actual, let isUnchanged, _)):
      return expected == actual && wasUnchanged == isUnchanged ? nil : "plan \(actual), expected \(expected)"
    case (
      .admin(.settingsStored(let expected, let wasUnchanged, _)),
      .admin(.settingsStored(let actual, let isUnchanged, _))
    ):
      return expected == actual && wasUnchanged == isUnchanged ? nil : "\(actual), expected \(expected)"
    case (
      .admin(.capsStored(let expected, let wasUnchanged, _)),
      .admin(.capsStored(let actual, let isUnchanged, _))
    ):
      return expected == actual && wasUnchanged == isUnchanged ? nil : "\(actual), expected \(expected)"
    case (.refused(let expected), .refused(let actual)):
      let agree = expected.details.allSatisfy { actual.details[$0.key] == $0.value }
      return expected.reason == actual.reason && agree ? nil : "\(actual), expected \(expected)"
    default: return "\(self), expected \(expected)"
    }
  }
}
