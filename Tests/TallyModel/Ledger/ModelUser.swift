// One user in the executable model: pieces of credit, what is owed, and what happens as time goes by.
//
// It knows nothing of the rules' way of working: credit is a list of pieces, each of one lot and either free
// or in one hold's hands; time goes from one event to the next; every figure is counted anew.
//
// Values; part of the model.

import TallyCore

struct ModelUser {
  /// What a row that made credit said of it.
  struct Lot: Equatable {
    /// The row's number.
    var id: Int64
    /// The row's type.
    var type: TransactionType
    var amount: Int64
    var priority: Int32
    var effectiveAt: Int64
    var expiresAt: Int64?
    var rollover: Rollover?

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

  /// What is owed: for a purchase that was reversed, or for usage (nil).
  struct Debt: Equatable {
    var purchase: Int64?
    var amount: Int64
  }

  let userId: String
  var pieces: [Piece] = []
  /// Open ones.
  var holds: [Int64: Hold] = [:]
  /// In the order in which credit pays them.
  var debts: [Debt] = []
  /// By lot: what a reversal or a void of it takes still, when it returns.
  var short: [Int64: Int64] = [:]
  /// By purchase: what time took of its lot, and no reversal has counted as taken yet.
  var lost: [Int64: Int64] = [:]
  /// Lots that are not effective yet.
  var waiting: Set<Int64> = []
  /// When the server looks again whether a period of the subscription has begun.
  var nextGrantAt: Int64?
  /// Settled since the user was last kept.
  var settled: [Hold] = []
  /// Written since the user was last kept, in order.
  var rows: [Entry] = []
  /// How many of these, the first ones, came about by themselves.
  var livedRowCount = 0
  /// How many rows were written before those.
  var version: Int64 = 0
  var posted: Int64 = 0
  /// The time that it is, while something is done.
  var now: Int64 = 0
  /// When that came about by itself which is being written: its rows tell of that time. nil while a command
  /// is carried out.
  var settling: Int64?
  /// The number of the next row.
  var nextRow: Int64 = 0

  init(userId: String, at time: Int64 = 0) { (self.userId, now) = (userId, time) }

  /// Forgets what the model has taken over.
  mutating func keep() {
    version += Int64(rows.count)
    rows = []
    settled = []
  }

  // MARK: Counting

  func total(_ isCounted: (Piece) -> Bool) -> Int64 {
    pieces.reduce(0) { isCounted($1) ? $0 + $1.amount : $0 }
  }

  func free(ofLot id: Int64) -> Int64 { total { $0.hold == nil && $0.lot.id == id } }

  var owed: Int64 { debts.reduce(0) { $0 + $1.amount } }

  func owed(for purchase: Int64?) -> Int64 {
    debts.reduce(0) { $1.purchase == purchase ? $0 + $1.amount : $0 }
  }

  /// Nothing is over at that time any more.
  func balance(at time: Int64) -> Balance {
    var balance = Balance(userId: userId, owedMicros: owed, version: version + Int64(rows.count))
    for piece in pieces {
      if piece.lot.effectiveAt > time {
        balance.pendingMicros += piece.amount
        continue
      }
      balance.postedMicros += piece.amount
      if piece.hold != nil { balance.heldMicros += piece.amount }
      guard piece.hold == nil, let end = piece.lot.expiresAt, end > time else { continue }
      var next = balance.nextExpiry ?? Balance.Expiry(atMicros: end, amountMicros: 0)
      if end < next.atMicros { next = Balance.Expiry(atMicros: end, amountMicros: 0) }
      if end == next.atMicros { next.amountMicros += piece.amount }
      balance.nextExpiry = next
    }
    return balance
  }

  func available(at time: Int64) -> Int64 {
    var sum: Int64 = 0
    for piece in pieces where piece.hold == nil && piece.lot.isUsable(time) { sum += piece.amount }
    return sum
  }

  var openLots: Int {
    var ids: Set<Int64> = []
    for piece in pieces { ids.insert(piece.lot.id) }
    return ids.count
  }

  /// All there is, what is effective later and what is over included.
  var everything: Int64 { total { _ in true } }

  /// Times at which something ends or begins.
  var borders: [Int64] {
    holds.values.map(\.expiresAtMicros) + [nextGrantAt].compactMap(\.self)
      + pieces.flatMap { [$0.lot.effectiveAt, $0.lot.expiresAt ?? $0.lot.effectiveAt] }
  }

  // MARK: Time

  private enum Event {
    case lotEnds(Lot)
    case holdEnds(Hold)
    case grant(ModelGrant.Credit)
    case lotBegins(Lot)

    /// At one time lots end first, then holds, then the server grants, then credit becomes effective; then by
    /// id.
    var key: (Int64, Int, Int64) {
      switch self {
      case .lotEnds(let lot): (lot.expiresAt ?? 0, 0, lot.id)
      case .holdEnds(let hold): (hold.expiresAtMicros, 1, hold.id)
      case .grant(let credit): (credit.effectiveAt, 2, 0)
      case .lotBegins(let lot): (lot.effectiveAt, 3, lot.id)
      }
    }
  }

  /// Lets everything end and begin that is due by a time.
  /// - Parameter due: what the server is to grant.
  mutating func live(until time: Int64, numberingFrom row: Int64, _ due: ModelGrant?) {
    (now, nextRow) = (time, row)
    if let due { nextGrantAt = due.nextAt }
    var credit = due?.credit
    defer { settling = nil }
    while let event = nextEvent(credit) {
      settling = event.key.0
      switch event {
      case .lotEnds(let lot):
        let gone = LotAllocation(lotId: lot.id, amountMicros: free(ofLot: lot.id))
        forfeit(gone, of: lot, at: lot.expiresAt ?? time)
        rollOver(gone.amountMicros, of: lot, at: lot.expiresAt ?? time)
      case .holdEnds(let hold):
        _ = end(hold, as: .expired, capturing: 0, endedAt: hold.expiresAtMicros)
      case .grant(let granted):
        credit = nil
        receive(granted)
      case .lotBegins(let lot):
        waiting.remove(lot.id)
        let free = LotAllocation(lotId: lot.id, amountMicros: free(ofLot: lot.id))
        payDebts(from: [free], at: lot.effectiveAt)
      }
    }
  }

  private func nextEvent(_ credit: ModelGrant.Credit?) -> Event? {
    var first: Event?
    func offer(_ event: Event) {
      if let first, first.key < event.key { return }
      first = event
    }
    for piece in pieces where piece.hold == nil {
      if piece.lot.isOver(now) { offer(.lotEnds(piece.lot)) }
      if piece.lot.effectiveAt <= now, waiting.contains(piece.lot.id) { offer(.lotBegins(piece.lot)) }
    }
    for hold in holds.values where hold.expiresAtMicros <= now { offer(.holdEnds(hold)) }
    if let credit { offer(.grant(credit)) }
    return first
  }

  // MARK: Rows

  mutating func write(
    _ type: TransactionType, _ amount: Int64, effectiveAt: Int64, lots: [LotAllocation],
    _ complete: (inout Entry) -> Void = { _ in }
  ) {
    posted += amount
    let balance = balance(at: settling ?? now)
    var row = Entry(
      userId: userId, type: type, amountMicros: amount, balanceAfterMicros: posted,
      heldAfterMicros: balance.heldMicros, version: version + Int64(rows.count) + 1, atMicros: now,
      effectiveAtMicros: effectiveAt, lots: lots)
    row.sequence = nextRow
    row.pendingAfterMicros = balance.pendingMicros
    row.nextExpiryAfter = balance.nextExpiry
    row.owedAfterMicros = owed
    nextRow += 1
    complete(&row)
    rows.append(row)
  }
}
