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
//
// Values; part of a draft.

extension Hold {
  /// Out of `open`. What was captured, released and forfeited is the caller's to say.
  mutating func settle(as state: HoldState, atMicros: Int64) {
    self.state = state
    settledAtMicros = atMicros
  }

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

extension Draft {
  /// Writes off what has expired: holds and lots, in the order in which they did.
  mutating func settle(_ expiredHolds: [Hold], within slice: SettlingSlice) throws(Refusal) {
    let inOrder = expiredHolds.sorted { ($0.expiresAtMicros, $0.id) < ($1.expiresAtMicros, $1.id) }
    for hold in inOrder {
      writeOffLots(expiredByMicros: hold.expiresAtMicros, slice)
      guard entries.count < slice.rowCount else { return }
      _ = try settle(hold, as: .expired, capturing: 0, atMicros: hold.expiresAtMicros)
    }
    if slice.hasAllHolds { writeOffLots(expiredByMicros: nowMicros, slice) }
  }

  /// One expiry row for each lot whose time is over and that has something unpinned.
  private mutating func writeOffLots(expiredByMicros limitMicros: Int64, _ slice: SettlingSlice) {
    while entries.count < slice.rowCount,
      let (index, expiresAtMicros) = firstToWriteOff(expiredByMicros: limitMicros)
    {
      let part = writeOff(lotAt: index)
      write(
        .expiry, amountMicros: -part.amountMicros, effectiveAtMicros: expiresAtMicros, lots: [part])
    }
  }

  /// The lot that expired first, by time, then id.
  private func firstToWriteOff(expiredByMicros limitMicros: Int64) -> (index: Int, expiresAtMicros: Int64)? {
    var first: (index: Int, expiresAtMicros: Int64)?
    for (index, lot) in account.lots.enumerated() {
      guard let expiresAtMicros = lot.expiresAtMicros, expiresAtMicros <= limitMicros, lot.unpinnedMicros > 0
      else { continue }
      if let earlier = first,
        (earlier.expiresAtMicros, account.lots[earlier.index].id) < (expiresAtMicros, lot.id)
      {
        continue
      }
      first = (index, expiresAtMicros)
    }
    return first
  }

  /// Opens a hold and writes its row.
  /// - Parameters:
  ///   - amountMicros: greater than zero.
  ///   - complete: sets what is particular to the row.
  /// - Throws: `insufficientCredits`.
  mutating func setAside(
    _ amountMicros: Int64, expiresAtMicros: Int64, runId: String,
    complete: (inout Entry) -> Void = { _ in }
  ) throws(Refusal) -> Hold {
    let pins = try pin(amountMicros)
    let hold = Hold(
      id: sequence, userId: account.userId, amountMicros: amountMicros, createdAtMicros: nowMicros,
      expiresAtMicros: expiresAtMicros, runId: runId, pins: pins)
    write(.hold, amountMicros: 0, effectiveAtMicros: nowMicros, lots: pins) {
      $0.holdId = hold.id
      $0.holdAmountMicros = amountMicros
      $0.expiresAtMicros = expiresAtMicros
      $0.runId = runId
      complete(&$0)
    }
    keep(opened: hold)
    return hold
  }

  /// The one transition out of `open`.
  /// - Parameters:
  ///   - capturedMicros: taken from the pins in their order; at most what is held.
  ///   - atMicros: when it happened: now, or when the hold expired.
  ///   - complete: sets what is particular to the command's own row: the capture's, or else the
  ///     release's.
  /// - Returns: the hold as it stands afterwards.
  mutating func settle(
    _ hold: Hold, as state: HoldState, capturing capturedMicros: Int64, atMicros: Int64,
    complete: (inout Entry) -> Void = { _ in }
  ) throws(Refusal) -> Hold {
    var settled = hold
    settled.settle(as: state, atMicros: atMicros)
    settled.capturedMicros = capturedMicros
    let shares = try shares(of: hold, capturing: capturedMicros, atMicros: atMicros)
    for part in shares.forfeited {
      try unpin(part, .forfeited)
      settled.forfeitedMicros += part.amountMicros
      write(.expiry, amountMicros: -part.amountMicros, effectiveAtMicros: atMicros, lots: [part]) {
        $0.holdId = hold.id
      }
    }
    for part in shares.released {
      try unpin(part, .released)
      settled.releasedMicros += part.amountMicros
    }
    let isCapture = state == .captured
    if !isCapture || settled.releasedMicros > 0 {
      write(.holdRelease, amountMicros: 0, effectiveAtMicros: atMicros, lots: shares.released) {
        $0.holdId = hold.id
        $0.runId = hold.runId
        $0.holdAmountMicros = settled.releasedMicros
        if !isCapture { complete(&$0) }
      }
    }
    if isCapture {
      for part in shares.captured { try unpin(part, .captured) }
      write(.apiUsage, amountMicros: -capturedMicros, effectiveAtMicros: atMicros, lots: shares.captured) {
        $0.holdId = hold.id
        $0.runId = hold.runId
        complete(&$0)
      }
    }
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
