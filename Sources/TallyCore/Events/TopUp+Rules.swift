// When an intent to top up is opened, of how much, and what ends it: pure functions.
//
// Invariants:
// 1. What is opened clears the shortfall as it is then, or is what the month's cap leaves.
// 2. Whoever is still below the threshold gets another one by time alone only after the last one was closed:
//    nobody's card is tried for ever.

extension TopUp {
  /// What follows for a user who is below the threshold.
  enum Verdict: Equatable {
    case open(amountMicros: Int64)
    /// Nothing now; at that time it is asked again. nil: with the next change of the account.
    case wait(untilMicros: Int64?)
  }

  /// Below which something is to be done; nil: nothing is, whatever is available.
  package var lineMicros: Int64? { isEnabled && openIntentId == nil ? thresholdMicros : nil }

  func verdict(availableMicros: Int64, owedMicros: Int64, nowMicros: Int64) -> Verdict {
    if let ended {
      let restsUntil = ended.atMicros.addingSaturating(Self.micros(ofMillis: cooldownMillis))
      if nowMicros < restsUntil { return .wait(untilMicros: ended.isClosed ? restsUntil : nil) }
    }
    let now = Civil(dayNumber: floorDivide(nowMicros, Civil.microsPerDay))
    let used = month?.number == now.monthNumber ? month : nil
    let room = monthlyCapMicros.map { $0.subtractingSaturating(used?.micros ?? 0) } ?? Int64.max
    let roomCount = monthlyCapCount.map { $0 - (used?.count ?? 0) } ?? Int64.max
    guard room > 0, roomCount > 0 else {
      return .wait(untilMicros: now.startOfMonth.aMonthLater.dayNumber * Civil.microsPerDay)
    }
    let shortfall = targetMicros.subtractingSaturating(availableMicros).addingSaturating(owedMicros)
    return .open(amountMicros: min(shortfall, room))
  }

  /// Takes note of an intent that is opened.
  mutating func open(_ intent: TopUpIntent) {
    openIntentId = intent.id
    if month?.number != intent.monthNumber { month = MonthSum(number: intent.monthNumber) }
    count(intent, micros: intent.amountMicros, 1)
  }

  /// Takes note of an intent that was given up or cancelled.
  mutating func end(_ intent: TopUpIntent, nowMicros: Int64) {
    openIntentId = nil
    ended = End(atMicros: nowMicros, isClosed: false)
    count(intent, micros: -intent.amountMicros, -1)
  }

  /// Takes note of a purchase that closes an intent.
  /// - Parameter intent: as it was before.
  mutating func close(_ intent: TopUpIntent, purchaseMicros: Int64, nowMicros: Int64) {
    if openIntentId == intent.id {
      openIntentId = nil
      count(intent, micros: -intent.amountMicros, -1)
    }
    ended = End(atMicros: nowMicros, isClosed: true)
    count(intent, micros: purchaseMicros, 1)
  }

  private mutating func count(_ intent: TopUpIntent, micros: Int64, _ count: Int64) {
    guard var sum = month, sum.number == intent.monthNumber else { return }
    sum.micros = sum.micros.addingSaturating(micros)
    sum.count += count
    month = sum
  }

  static func micros(ofMillis millis: Int64) -> Int64 {
    let (micros, isTooLong) = millis.multipliedReportingOverflow(by: 1_000)
    return isTooLong ? Int64.max : micros
  }

  /// Whether both say the same; what the server keeps up is not looked at.
  func hasContent(of other: Self) -> Bool {
    thresholdMicros == other.thresholdMicros && targetMicros == other.targetMicros
      && monthlyCapMicros == other.monthlyCapMicros && monthlyCapCount == other.monthlyCapCount
      && cooldownMillis == other.cooldownMillis && isEnabled == other.isEnabled
  }

  /// With what the server keeps up of another one.
  func keeping(_ stored: Self?) -> Self {
    var kept = self
    (kept.month, kept.openIntentId, kept.ended) = (stored?.month, stored?.openIntentId, stored?.ended)
    return kept
  }
}

extension TopUpIntent {
  /// Of the month in which it was opened, in UTC.
  package var monthNumber: Int64 {
    Civil(dayNumber: floorDivide(openedAtMicros, Civil.microsPerDay)).monthNumber
  }

  func isLeased(atMicros nowMicros: Int64) -> Bool {
    state == .open && leasedUntilMicros.map { $0 > nowMicros } ?? false
  }

  mutating func lease(to worker: String, forMillis millis: Int64, nowMicros: Int64) {
    self.worker = worker
    dueAtMicros = nowMicros.addingSaturating(TopUp.micros(ofMillis: millis))
    leasedUntilMicros = dueAtMicros
  }

  /// Whether this failure was told before.
  func hasFailed(by worker: String, _ message: String) -> Bool {
    failures > 0 && leasedUntilMicros == nil && self.worker.isExactly(worker)
      && self.message.isExactly(message)
  }

  /// Takes note of a failure: it is left alone for a while, or given up.
  mutating func fail(_ message: String, cooldownMillis: Int64, nowMicros: Int64) {
    failures += 1
    self.message = message
    leasedUntilMicros = nil
    if failures >= Self.maximumFailures { return end(as: .failed, nowMicros: nowMicros) }
    var pause = max(TopUp.micros(ofMillis: cooldownMillis), Self.minimumPauseMicros)
    for _ in 1..<failures where pause < Self.maximumPauseMicros { pause *= 2 }
    dueAtMicros = nowMicros.addingSaturating(min(pause, Self.maximumPauseMicros))
  }

  mutating func end(as state: State, nowMicros: Int64) {
    self.state = state
    leasedUntilMicros = nil
    endedAtMicros = nowMicros
  }

  /// - Throws: `topUpIntentEnded`.
  func requireOpen() throws(Refusal) {
    if state == .open { return }
    throw Refusal(
      .topUpIntentEnded, "the top-up intent has ended",
      details: ["intent_id": Identifiers.intent(id), "state": state.name])
  }
}

extension TopUpIntent.State {
  /// As on the wire, without its prefix.
  var name: String {
    switch self {
    case .open: "OPEN"
    case .closed: "CLOSED"
    case .failed: "FAILED"
    case .cancelled: "CANCELLED"
    }
  }
}
