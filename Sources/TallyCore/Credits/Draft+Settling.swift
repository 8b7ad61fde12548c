// How holds begin and end, and what expires: the one transition out of `open`, and the order of settling.
//
// Invariants:
// 1. A hold leaves `open` exactly once, through `settle(_:as:capturing:atMicros:complete:)`, and then
//    captured + released + forfeited = amount.
// 2. Expired facts are written in the order in which they became true: a lot that expires no later
//    than a hold is written off before it.
// 3. Pinned credit outlives its lot's expiry. What a settlement does not capture of an expired lot is
//    forfeited by an expiry row that names the hold; the rest goes back to its lot by a `holdRelease`
//    row. Both stand before the row that captures.
// 4. A slice of it is the beginning of that order: what follows it later comes out the same.
// 5. While something is owed, a lot that becomes effective pays it at that time.
//
// Values; part of a draft.

extension Hold {
  /// Out of `open`. What was captured, released and forfeited is the caller's to say.
  mutating func settle(as state: HoldState, atMicros: Int64) {
    self.state = state
    settledAtMicros = atMicros
  }

  /// Whether it may still be settled by a command.
  func isOpen(atMicros: Int64) -> Bool { state == .open && expiresAtMicros > atMicros }

  /// - Throws: `holdExpired` or `holdSettled`, with the hold's id and state, when it is not open.
  func requireOpen(nowMicros: Int64) throws(Refusal) {
    let isOver = expiresAtMicros <= nowMicros
    switch state {
    case .open where !isOver: return
    case .open, .expired:
      throw Refusal(.holdExpired, "the hold has expired", details: details(of: .expired))
    case .captured, .released:
      throw Refusal(.holdSettled, "the hold is already settled", details: details(of: state))
    }
  }

  private func details(of state: HoldState) -> [String: String] {
    ["hold_id": Identifiers.hold(id), "state": state.name]
  }
}

extension HoldState {
  /// As on the wire, without its prefix.
  var name: String {
    switch self {
    case .open: "OPEN"
    case .captured: "CAPTURED"
    case .released: "RELEASED"
    case .expired: "EXPIRED"
    }
  }
}

/// How much of what has expired one change writes off.
public struct SettlingSlice: Sendable, Equatable {
  /// No further hold or lot after that many rows.
  public var rowCount: Int
  /// Whether the holds at hand are all that have expired; if not, lots that expired after the last of them
  /// have to wait for those that are missing.
  public var hasAllHolds: Bool

  public init(rowCount: Int, hasAllHolds: Bool) {
    self.rowCount = rowCount
    self.hasAllHolds = hasAllHolds
  }

  public static let whole = SettlingSlice(rowCount: Int.max, hasAllHolds: true)
}

extension Account {
  /// Rows that settling takes, at most.
  func mostSettlingRows(_ expiredHolds: [Hold], atMicros nowMicros: Int64) -> Int {
    let isOwing = !owed.isEmpty
    var count = 0
    var hasBeginnings = false
    var isShort = false
    for lot in lots {
      if lot.shortMicros > 0 { isShort = true }
      // What rolls over may have expired since.
      if lot.rollover != nil, lot.isExpired(atMicros: nowMicros) { count += 2 }
      guard lot.unpinnedMicros > 0 else { continue }
      if lot.isExpired(atMicros: nowMicros) { count += 1 }
      guard isOwing, let micros = lot.effectiveAtMicros, micros <= nowMicros else { continue }
      count += 1
      hasBeginnings = true
    }
    if grantDueMicros(atMicros: nowMicros) != nil {
      count += 1
      hasBeginnings = isOwing
    }
    if hasBeginnings { count += owed.count }
    // What a pin gives back may be forfeited and forgiven, or go to a reversal and pay what is owed for it.
    let rowsOfPin = isOwing || isShort ? 2 : 1
    return expiredHolds.reduce(count) { $0 + 1 + $1.pins.count * rowsOfPin }
  }
}

extension Draft {
  /// What comes about by itself, at its time.
  private enum Event {
    case lotEnds, holdEnds, grant, lotBegins

    /// At the same time a lot ends before a hold does, then the server grants, and credit pays what is still
    /// owed then.
    var order: Int {
      switch self {
      case .lotEnds: 0
      case .holdEnds: 1
      case .grant: 2
      case .lotBegins: 3
      }
    }
  }

  /// Writes off what has expired, holds and lots, grants what is due, and lets credit that has become
  /// effective pay what is owed: all in the order in which it came about.
  mutating func settle(
    _ expiredHolds: [Hold], _ dueGrant: DueGrant?, within slice: SettlingSlice
  ) throws(Refusal) {
    var due = dueGrant
    if let dueGrant, dueGrant.grant == nil {
      grantDue(dueGrant)
      due = nil
    }
    var holds = expiredHolds.sorted { ($0.expiresAtMicros, $0.id) < ($1.expiresAtMicros, $1.id) }[...]
    defer { setSettled(atMicros: nil) }
    while entries.count < slice.rowCount, slice.hasAllHolds || !holds.isEmpty,
      let next = nextEvent(holds.first, due?.grant)
    {
      setSettled(atMicros: next.atMicros)
      switch next.event {
      case .lotEnds:
        let lot = account.lots[next.index]
        forfeit(LotAllocation(lotId: lot.id, amountMicros: lot.unpinnedMicros), atMicros: next.atMicros)
        rollOver(lot, atMicros: next.atMicros)
      case .holdEnds:
        let hold = holds.removeFirst()
        _ = try settle(hold, as: .expired, capturing: 0, atMicros: hold.expiresAtMicros)
      case .grant:
        if let due { grantDue(due) }
        due = nil
      case .lotBegins:
        let lot = account.lots[next.index]
        passBeginning(ofLotAt: next.index)
        collect(
          from: [LotAllocation(lotId: lot.id, amountMicros: lot.unpinnedMicros)], atMicros: next.atMicros)
      }
    }
  }

  /// The first of what is due, by time, kind and id; the index is the lot's.
  private func nextEvent(
    _ hold: Hold?, _ grant: PeriodGrant?
  ) -> (event: Event, index: Int, atMicros: Int64)? {
    var first: (event: Event, index: Int, atMicros: Int64, id: Int64)?
    func offer(_ event: Event, _ index: Int, _ atMicros: Int64, _ id: Int64) {
      if let first, (first.atMicros, first.event.order, first.id) < (atMicros, event.order, id) { return }
      first = (event, index, atMicros, id)
    }
    if let hold { offer(.holdEnds, 0, hold.expiresAtMicros, hold.id) }
    if let grant { offer(.grant, 0, dueMicros(of: grant), 0) }
    let isOwing = !account.owed.isEmpty
    for (index, lot) in account.lots.enumerated() where lot.unpinnedMicros > 0 {
      if let micros = lot.expiresAtMicros, micros <= nowMicros { offer(.lotEnds, index, micros, lot.id) }
      guard isOwing, let micros = lot.effectiveAtMicros, micros <= nowMicros else { continue }
      offer(.lotBegins, index, micros, lot.id)
    }
    return first.map { ($0.event, $0.index, $0.atMicros) }
  }

  /// Opens a hold and writes its row.
  /// - Parameters:
  ///   - amountMicros: greater than zero.
  ///   - complete: sets what is particular to the row.
  /// - Throws: `insufficientCredits`.
  mutating func setAside(
    _ amountMicros: Int64, expiresAtMicros: Int64, runId: String, attempt: Int32 = 0, spender: String = "",
    complete: (inout Entry) -> Void = { _ in }
  ) throws(Refusal) -> Hold {
    let pins = try pin(amountMicros)
    var hold = Hold(
      id: sequence, userId: account.userId, amountMicros: amountMicros, createdAtMicros: nowMicros,
      expiresAtMicros: expiresAtMicros, runId: runId, attempt: attempt, pins: pins)
    hold.spender = spender
    write(.hold, amountMicros: 0, effectiveAtMicros: nowMicros, lots: pins) {
      $0.holdId = hold.id
      $0.holdAmountMicros = amountMicros
      $0.expiresAtMicros = expiresAtMicros
      $0.runId = runId
      $0.attempt = attempt
      $0.spender = spender
      complete(&$0)
    }
    keep(opened: hold)
    return hold
  }

  /// The one transition out of `open`.
  /// - Parameters:
  ///   - capturedMicros: taken from the pins in their order; at most what is held.
  ///   - drawnMicros: taken with it from what is available; at most that.
  ///   - atMicros: when it happened: now, or when the hold expired.
  ///   - complete: sets what is particular to the command's own row: the capture's, or else the
  ///     release's.
  /// - Returns: the hold as it stands afterwards.
  mutating func settle(
    _ hold: Hold, as state: HoldState, capturing capturedMicros: Int64, drawing drawnMicros: Int64 = 0,
    atMicros: Int64, complete: (inout Entry) -> Void = { _ in }
  ) throws(Refusal) -> Hold {
    var settled = hold
    settled.settle(as: state, atMicros: atMicros)
    settled.capturedMicros = capturedMicros
    let shares = try shares(of: hold, capturing: capturedMicros, atMicros: atMicros)
    for part in shares.forfeited {
      try unpin(part)
      settled.forfeitedMicros += part.amountMicros
      forfeit(part, atMicros: atMicros, holdId: hold.id)
    }
    for part in shares.released {
      try unpin(part)
      settled.releasedMicros += part.amountMicros
    }
    let isCapture = state == .captured
    if !isCapture || settled.releasedMicros > 0 {
      write(.holdRelease, amountMicros: 0, effectiveAtMicros: atMicros, lots: shares.released) {
        $0.holdId = hold.id
        $0.runId = hold.runId
        $0.attempt = hold.attempt
        $0.spender = hold.spender
        $0.holdAmountMicros = settled.releasedMicros
        if !isCapture { complete(&$0) }
      }
    }
    if isCapture {
      for part in shares.captured {
        try unpin(part)
        take(part)
      }
      let lots = drawnMicros > 0 ? shares.captured.merging(try burn(drawnMicros)) : shares.captured
      write(
        .apiUsage, amountMicros: -(capturedMicros + drawnMicros), effectiveAtMicros: atMicros, lots: lots
      ) {
        $0.holdId = hold.id
        $0.runId = hold.runId
        $0.attempt = hold.attempt
        $0.spender = hold.spender
        complete(&$0)
      }
    }
    if state != .expired { markOwnRow() }
    for part in shares.released { _ = try payReversal(from: part, of: part.lotId, atMicros: atMicros) }
    keep(settled: settled)
    return settled
  }

  private struct Shares {
    var captured: [LotAllocation] = []
    var released: [LotAllocation] = []
    var forfeited: [LotAllocation] = []
  }

  /// Divides a hold's pins into what is captured, what goes back, and what is forfeited.
  private func shares(of hold: Hold, capturing capturedMicros: Int64, atMicros: Int64) throws(Refusal)
    -> Shares
  {
    var shares = Shares()
    var wanted = capturedMicros
    for pin in hold.pins {
      let lot = try lot(pinning: pin)
      let captured = min(wanted, pin.amountMicros)
      wanted -= captured
      if captured > 0 { shares.captured.append(LotAllocation(lotId: lot.id, amountMicros: captured)) }
      guard pin.amountMicros > captured else { continue }
      let rest = LotAllocation(lotId: lot.id, amountMicros: pin.amountMicros - captured)
      if lot.isExpired(atMicros: atMicros) {
        shares.forfeited.append(rest)
      } else {
        shares.released.append(rest)
      }
    }
    return shares
  }
}
