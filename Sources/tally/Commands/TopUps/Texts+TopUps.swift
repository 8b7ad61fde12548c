// Top-ups, as text for people.

internal import TallyMessages

extension Texts {
  static func topUp(_ topUp: TallystickV1.TopUp) -> String {
    var table = Table([
      ("USER", .left), ("BELOW", .right), ("TARGET", .right), ("CAP", .right), ("THIS MONTH", .left),
      ("COOLDOWN", .right), ("OPEN", .left),
    ])
    let caps = [
      topUp.monthlyCapMicros == 0 ? nil : Dollars.format(topUp.monthlyCapMicros),
      topUp.monthlyCapCount == 0 ? nil : count(topUp.monthlyCapCount),
    ].compactMap(\.self)
    let month =
      topUp.month.isEmpty
      ? "-" : "\(count(topUp.monthCount)) in \(topUp.month), \(Dollars.format(topUp.monthMicros))"
    let open = topUp.openIntentId.isEmpty ? "-" : topUp.openIntentId
    table.add([
      topUp.userId, Dollars.format(topUp.thresholdMicros), Dollars.format(topUp.targetMicros),
      caps.isEmpty ? "-" : caps.joined(separator: ", "), month, "\(topUp.cooldownMillis / 1_000) s",
      topUp.enabled ? open : "off",
    ])
    return table.text
  }

  static func topUpIntents(_ intents: [TallystickV1.TopUpIntent]) -> String {
    var table = Table(
      [
        ("OPENED", .time), ("INTENT", .left), ("USER", .left), ("AMOUNT", .right), ("STATE", .left),
        ("DETAIL", .left),
      ], flexible: "DETAIL")
    for intent in intents {
      table.add([
        Timestamp.format(intent.openedAtMicros), intent.intentId, intent.userId,
        Dollars.format(intent.amountMicros), intent.state.word, detail(intent),
      ])
    }
    return table.text
  }

  private static func detail(_ intent: TallystickV1.TopUpIntent) -> String {
    var parts: [String] = []
    if !intent.transactionId.isEmpty { parts.append("by \(intent.transactionId)") }
    if intent.leasedUntilMicros != 0 {
      parts.append("leased to \(intent.worker) until \(Timestamp.format(intent.leasedUntilMicros))")
    } else if intent.state == .open, intent.failures > 0 {
      parts.append("due \(Timestamp.format(intent.dueAtMicros))")
    }
    if intent.failures > 0 { parts.append("failed \(intent.failures) times: \(intent.message)") }
    return parts.isEmpty ? "-" : parts.joined(separator: ", ")
  }
}
