// One user in the executable model: pieces of credit, and what happens to them as time goes by.
//
// It knows nothing of the rules' way of working: credit is a list of pieces, each of one lot and either free
// or in one hold's hands; time goes from one event to the next; every figure is counted anew.
//
// Values; part of the model.

import TallyCore
internal import TallySQLiteStore

struct ModelUser {
  /// What a grant said.
  struct Lot: Equatable {
    var id: Int64
    var priority: Int32
    var effectiveAt: Int64
    var expiresAt: Int64?

    func isOver(_ time: Int64) -> Bool { expiresAt.map { $0 <= time } ?? false }
    func isUsable(_ time: Int64) -> Bool { effectiveAt <= time && !isOver(time) }

    /// Smaller burns first.
    var burnKey: (Int64, Int, Int64, Int64) {
      (Int64(priority), expiresAt == nil ? 1 : 0, expiresAt ?? 0, id)
    }
  }

  /// Credit of one lot in one place.
  struct Piece {
    var lot: Lot
    var amount: Int64
    /// nil is free.
    var hold: Int64?
  }

  let userId: String
  private(set) var pieces: [Piece] = []
  /// Open ones.
  private(set) var holds: [Int64: Hold] = [:]
  /// Settled since the user was last kept.
  private(set) var settled: [Hold] = []
  /// Written since the user was last kept, in order.
  private(set) var rows: [Entry] = []
  /// How many rows were written before those.
  private(set) var version: Int64 = 0
  private var posted: Int64 = 0

  init(userId: String) { self.userId = userId }

  /// Forgets what the model has taken over.
  mutating func keep() {
    version += Int64(rows.count)
    rows = []
    settled = []
  }

  // MARK: Counting

  private func total(_ isCounted: (Piece) -> Bool) -> Int64 {
    pieces.reduce(0) { isCounted($1) ? $0 + $1.amount : $0 }
  }

  /// Nothing is over at that time any more.
  func balance(at time: Int64) -> Balance {
    var balance = Balance(userId: userId, version: version + Int64(rows.count))
    balance.postedMicros = total { $0.lot.effectiveAt <= time }
    balance.heldMicros = total { $0.hold != nil }
    balance.pendingMicros = total { $0.lot.effectiveAt > time }
    let ends = pieces.compactMap { piece in
      piece.hold == nil && piece.lot.isUsable(time) ? piece.lot.expiresAt : nil
    }
    if let first = ends.min() {
      let amount = total { $0.hold == nil && $0.lot.isUsable(time) && $0.lot.expiresAt == first }
      balance.nextExpiry = Balance.Expiry(atMicros: first, amountMicros: amount)
    }
    return balance
  }

  func available(at time: Int64) -> Int64 { total { $0.hold == nil && $0.lot.isUsable(time) } }

  var openLots: Int { Set(pieces.map(\.lot.id)).count }

  /// All there is, what is effective later and what is over included.
  var everything: Int64 { total { _ in true } }

  /// Times at which something ends or begins.
  var borders: [Int64] {
    holds.values.map(\.expiresAtMicros)
      + pieces.flatMap { [$0.lot.effectiveAt, $0.lot.expiresAt ?? $0.lot.effectiveAt] }
  }

  // MARK: Time

  private enum Event {
    case lotEnds(Lot)
    case holdEnds(Hold)

    /// Lots before holds, then by id.
    var key: (Int64, Int, Int64) {
      switch self {
      case .lotEnds(let lot): (lot.expiresAt ?? 0, 0, lot.id)
      case .holdEnds(let hold): (hold.expiresAtMicros, 1, hold.id)
      }
    }
  }

  /// Lets everything end that is over by a time.
  mutating func live(until time: Int64, _ numbering: inout Int64) {
    while let event = nextEvent(until: time) {
      switch event {
      case .lotEnds(let lot):
        let gone = total { $0.hold == nil && $0.lot == lot }
        pieces.removeAll { $0.hold == nil && $0.lot == lot }
        write(
          .expiry, -gone, at: time, effectiveAt: lot.expiresAt ?? time,
          lots: [LotAllocation(lotId: lot.id, amountMicros: gone)], &numbering
        ) { $0.refersTo = lot.id }
      case .holdEnds(let hold):
        _ = end(hold, as: .expired, capturing: 0, at: time, endedAt: hold.expiresAtMicros, &numbering)
      }
    }
  }

  private func nextEvent(until time: Int64) -> Event? {
    let lots = pieces.filter { $0.hold == nil && $0.lot.isOver(time) }.map { Event.lotEnds($0.lot) }
    let over = holds.values.filter { $0.expiresAtMicros <= time }
    return (lots + over.map { Event.holdEnds($0) }).min { $0.key < $1.key }
  }

  // MARK: Moving credit

  mutating func grant(
    _ type: TransactionType, _ amount: Int64, priority: Int32, effectiveAt: Int64, expiresAt: Int64?,
    at time: Int64, _ numbering: inout Int64, _ complete: (inout Entry) -> Void
  ) {
    let lot = Lot(id: numbering, priority: priority, effectiveAt: effectiveAt, expiresAt: expiresAt)
    pieces.append(Piece(lot: lot, amount: amount, hold: nil))
    write(
      type, amount, at: time, effectiveAt: effectiveAt,
      lots: [LotAllocation(lotId: lot.id, amountMicros: amount)], &numbering
    ) {
      $0.priority = priority
      $0.expiresAtMicros = expiresAt
      complete(&$0)
    }
  }

  /// Takes free pieces in burn order, which must suffice, and hands each to a hold or destroys it.
  private mutating func take(_ amount: Int64, for hold: Int64?, at time: Int64) -> [LotAllocation] {
    var wanted = amount
    var parts: [LotAllocation] = []
    let usable = pieces.indices.filter { pieces[$0].hold == nil && pieces[$0].lot.isUsable(time) }
    for index in usable.sorted(by: { pieces[$0].lot.burnKey < pieces[$1].lot.burnKey }) where wanted > 0 {
      let lot = pieces[index].lot
      let part = min(pieces[index].amount, wanted)
      wanted -= part
      pieces[index].amount -= part
      if let hold { hand(part, of: lot, to: hold) }
      if parts.last?.lotId == lot.id {
        parts[parts.count - 1].amountMicros += part
      } else {
        parts.append(LotAllocation(lotId: lot.id, amountMicros: part))
      }
    }
    pieces.removeAll { $0.amount == 0 }
    return parts
  }

  /// Puts credit of a lot into a hold's hands, or back (nil), in one piece with what is there.
  private mutating func hand(_ amount: Int64, of lot: Lot, to hold: Int64?) {
    if let index = pieces.firstIndex(where: { $0.hold == hold && $0.lot.id == lot.id }) {
      pieces[index].amount += amount
    } else {
      pieces.append(Piece(lot: lot, amount: amount, hold: hold))
    }
  }

  mutating func spend(
    _ type: TransactionType, _ amount: Int64, at time: Int64, _ numbering: inout Int64,
    _ complete: (inout Entry) -> Void
  ) {
    let parts = take(amount, for: nil, at: time)
    write(type, -amount, at: time, effectiveAt: time, lots: parts, &numbering, complete)
  }

  mutating func reserve(
    _ amount: Int64, runId: String, expiresAt: Int64, at time: Int64, _ numbering: inout Int64,
    _ complete: (inout Entry) -> Void = { _ in }
  ) -> Hold {
    let id = numbering
    let pins = take(amount, for: id, at: time)
    let hold = Hold(
      id: id, userId: userId, amountMicros: amount, createdAtMicros: time, expiresAtMicros: expiresAt,
      runId: runId, pins: pins)
    holds[id] = hold
    write(.hold, 0, at: time, effectiveAt: time, lots: pins, &numbering) {
      $0.holdId = id
      $0.holdAmountMicros = amount
      $0.expiresAtMicros = expiresAt
      $0.runId = runId
      complete(&$0)
    }
    return hold
  }

  mutating func extend(
    _ hold: Hold, expiresAt: Int64, at time: Int64, _ numbering: inout Int64,
    _ complete: (inout Entry) -> Void
  ) -> Hold {
    var hold = hold
    hold.expiresAtMicros = expiresAt
    holds[hold.id] = hold
    write(.holdExtend, 0, at: time, effectiveAt: time, lots: [], &numbering) {
      $0.holdId = hold.id
      $0.runId = hold.runId
      $0.expiresAtMicros = expiresAt
      complete(&$0)
    }
    return hold
  }

  /// Empties a hold's hands: what is captured is spent, with so much more that is free; of the rest what is
  /// over is gone and what is not is free again.
  mutating func end(
    _ hold: Hold, as state: HoldState, capturing amount: Int64, andFree more: Int64 = 0, at time: Int64,
    endedAt: Int64, _ numbering: inout Int64, _ complete: (inout Entry) -> Void = { _ in }
  ) -> Hold {
    var ended = hold
    ended.state = state
    ended.settledAtMicros = endedAt
    var spent: [LotAllocation] = []
    var back: [LotAllocation] = []
    var gone: [LotAllocation] = []
    for pin in hold.pins {
      let isOver = pieces.contains { $0.hold == hold.id && $0.lot.id == pin.lotId && $0.lot.isOver(endedAt) }
      let before = spent.reduce(0) { $0 + $1.amountMicros }
      let captured = min(pin.amountMicros, amount - before)
      if captured > 0 { spent.append(LotAllocation(lotId: pin.lotId, amountMicros: captured)) }
      let rest = LotAllocation(lotId: pin.lotId, amountMicros: pin.amountMicros - captured)
      if rest.amountMicros > 0 { if isOver { gone.append(rest) } else { back.append(rest) } }
    }
    for part in gone {
      shrink(part, of: hold.id)
      ended.forfeitedMicros += part.amountMicros
      write(.expiry, -part.amountMicros, at: time, effectiveAt: endedAt, lots: [part], &numbering) {
        $0.holdId = hold.id
        $0.refersTo = part.lotId
      }
    }
    for part in back {
      let lot = shrink(part, of: hold.id)
      if let lot { hand(part.amountMicros, of: lot, to: nil) }
      ended.releasedMicros += part.amountMicros
    }
    if state != .captured || !back.isEmpty {
      write(.holdRelease, 0, at: time, effectiveAt: endedAt, lots: back, &numbering) {
        $0.holdId = hold.id
        $0.runId = hold.runId
        $0.holdAmountMicros = back.reduce(0) { $0 + $1.amountMicros }
        if state != .captured { complete(&$0) }
      }
    }
    if state == .captured {
      for part in spent { shrink(part, of: hold.id) }
      for part in take(more, for: nil, at: time) {
        if let index = spent.firstIndex(where: { $0.lotId == part.lotId }) {
          spent[index].amountMicros += part.amountMicros
        } else {
          spent.append(part)
        }
      }
      ended.capturedMicros = amount
      write(.apiUsage, -amount - more, at: time, effectiveAt: endedAt, lots: spent, &numbering) {
        $0.holdId = hold.id
        $0.runId = hold.runId
        complete(&$0)
      }
    }
    holds[hold.id] = nil
    settled.append(ended)
    return ended
  }

  /// Takes a part out of a hold's hands.
  @discardableResult
  private mutating func shrink(_ part: LotAllocation, of hold: Int64) -> Lot? {
    guard let index = pieces.firstIndex(where: { $0.hold == hold && $0.lot.id == part.lotId }) else {
      return nil
    }
    let lot = pieces[index].lot
    pieces[index].amount -= part.amountMicros
    if pieces[index].amount == 0 { pieces.remove(at: index) }
    return lot
  }

  // MARK: Rows

  private mutating func write(
    _ type: TransactionType, _ amount: Int64, at time: Int64, effectiveAt: Int64, lots: [LotAllocation],
    _ numbering: inout Int64, _ complete: (inout Entry) -> Void = { _ in }
  ) {
    posted += amount
    // What comes about by itself tells of its own time.
    let balance = balance(at: type == .expiry || type == .holdRelease ? effectiveAt : time)
    var row = Entry(
      userId: userId, type: type, amountMicros: amount, balanceAfterMicros: posted,
      heldAfterMicros: balance.heldMicros, version: version + Int64(rows.count) + 1, atMicros: time,
      effectiveAtMicros: effectiveAt, lots: lots)
    row.sequence = numbering
    row.pendingAfterMicros = balance.pendingMicros
    row.nextExpiryAfter = balance.nextExpiry
    numbering += 1
    complete(&row)
    rows.append(row)
  }
}
