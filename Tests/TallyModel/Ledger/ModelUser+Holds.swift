// Holds of the model: credit in somebody's hands.
//
// Values; part of the model.

import TallyCore

extension ModelUser {
  mutating func reserve(
    _ amount: Int64, runId: String, attempt: Int32 = 0, spender: String = "", expiresAt: Int64,
    _ complete: (inout Entry) -> Void = { _ in }
  ) -> Hold {
    let id = nextRow
    let pins = take(amount, for: id)
    var hold = Hold(
      id: id, userId: userId, amountMicros: amount, createdAtMicros: now, expiresAtMicros: expiresAt,
      runId: runId, attempt: attempt, pins: pins)
    hold.spender = spender
    holds[id] = hold
    write(.hold, 0, effectiveAt: now, lots: pins) {
      ($0.holdId, $0.holdAmountMicros) = (id, amount)
      ($0.expiresAtMicros, $0.runId, $0.attempt, $0.spender) = (expiresAt, runId, attempt, spender)
      complete(&$0)
    }
    return hold
  }

  mutating func extend(_ hold: Hold, expiresAt: Int64, _ complete: (inout Entry) -> Void) -> Hold {
    var hold = hold
    hold.expiresAtMicros = expiresAt
    holds[hold.id] = hold
    write(.holdExtend, 0, effectiveAt: now, lots: []) {
      ($0.holdId, $0.runId, $0.attempt, $0.spender) = (
        hold.id, hold.runId, hold.attempt, hold.spender
      )
      $0.expiresAtMicros = expiresAt
      complete(&$0)
    }
    return hold
  }

  /// What becomes of a hold's pins.
  private struct Shares {
    var spent: [LotAllocation] = []
    var back: [(part: LotAllocation, lot: Lot)] = []
    var gone: [(part: LotAllocation, lot: Lot)] = []
  }

  private func shares(of hold: Hold, capturing amount: Int64, endedAt: Int64) -> Shares {
    var shares = Shares()
    var wanted = amount
    for pin in hold.pins {
      guard let lot = pieces.first(where: { $0.hold == hold.id && $0.lot.id == pin.lotId })?.lot else {
        continue
      }
      let captured = min(pin.amountMicros, wanted)
      wanted -= captured
      if captured > 0 { shares.spent.append(LotAllocation(lotId: pin.lotId, amountMicros: captured)) }
      let rest = LotAllocation(lotId: pin.lotId, amountMicros: pin.amountMicros - captured)
      if rest.amountMicros == 0 { continue }
      if lot.isOver(endedAt) { shares.gone.append((rest, lot)) } else { shares.back.append((rest, lot)) }
    }
    return shares
  }

  /// Empties a hold's hands: what is captured is spent, with so much more that is free; of the rest what is
  /// over is gone and what is not is free again.
  mutating func end(
    _ hold: Hold, as state: HoldState, capturing amount: Int64, andFree more: Int64 = 0, endedAt: Int64,
    _ complete: (inout Entry) -> Void = { _ in }
  ) -> Hold {
    var ended = hold
    (ended.state, ended.settledAtMicros) = (state, endedAt)
    let shares = shares(of: hold, capturing: amount, endedAt: endedAt)
    for (part, lot) in shares.gone {
      remove(part, from: hold.id)
      hand(part.amountMicros, of: lot, to: nil)
      ended.forfeitedMicros += part.amountMicros
      forfeit(part, of: lot, at: endedAt, holdId: hold.id)
    }
    for (part, lot) in shares.back {
      remove(part, from: hold.id)
      hand(part.amountMicros, of: lot, to: nil)
      ended.releasedMicros += part.amountMicros
    }
    if state != .captured || !shares.back.isEmpty {
      write(.holdRelease, 0, effectiveAt: endedAt, lots: shares.back.map(\.part)) {
        ($0.holdId, $0.runId, $0.attempt, $0.spender) = (
          hold.id, hold.runId, hold.attempt, hold.spender
        )
        $0.holdAmountMicros = ended.releasedMicros
        if state != .captured { complete(&$0) }
      }
    }
    if state == .captured {
      ended.capturedMicros = amount
      capture(shares.spent, of: hold, andFree: more, endedAt: endedAt, complete)
    }
    for (part, lot) in shares.back { _ = payOwnLot(part, lot, at: endedAt) }
    holds[hold.id] = nil
    settled.append(ended)
    return ended
  }

  private mutating func capture(
    _ parts: [LotAllocation], of hold: Hold, andFree more: Int64, endedAt: Int64,
    _ complete: (inout Entry) -> Void
  ) {
    for part in parts { remove(part, from: hold.id) }
    var parts = parts
    for part in take(more, for: nil) {
      if let index = parts.firstIndex(where: { $0.lotId == part.lotId }) {
        parts[index].amountMicros += part.amountMicros
      } else {
        parts.append(part)
      }
    }
    let amount = parts.reduce(0) { $0 + $1.amountMicros }
    write(.apiUsage, -amount, effectiveAt: endedAt, lots: parts) {
      ($0.holdId, $0.runId, $0.attempt, $0.spender) = (
        hold.id, hold.runId, hold.attempt, hold.spender
      )
      complete(&$0)
    }
  }
}
