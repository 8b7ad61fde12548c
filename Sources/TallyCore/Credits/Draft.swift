// A change in the making: the account as it is so far, and the rows that brought it there.
//
// Invariants:
// 1. After every row: postedMicros = sum of remaining, heldMicros = sum of pinned, lots in burn order.
// 2. A row's facts are taken from the account after it changed, so lots are changed before the row is
//    written.
// 3. It is thrown away when the command is refused.

struct Draft {
  package let nowMicros: Int64
  private(set) var account: Account
  private(set) var entries: [Entry] = []
  private(set) var holds: [Hold] = []
  private var notices: [GrantNotice] = []
  /// How the lots came about that credit may return to.
  private var origins: [Int64: LotOrigin]
  private var nextSequence: Int64
  /// When that comes about by itself which is being written; nil while the command itself is.
  private var settledAtMicros: Int64?
  /// Rows that came about by themselves, before the command's.
  private var settledCount = 0
  /// Of the command's own row, once one that is not its last is written.
  private var ownIndex: Int?

  /// Starts with what has expired by the context's time written off.
  init(settling context: DecisionContext) throws(Refusal) {
    try self.init(settling: context, within: .whole)
  }

  /// - Parameter slice: how much of what has expired; the earliest of it.
  init(settling context: DecisionContext, within slice: SettlingSlice) throws(Refusal) {
    nowMicros = context.nowMicros
    account = context.account
    origins = context.origins
    nextSequence = context.nextSequence
    try settle(context.expiredHolds, context.dueGrant, within: slice)
    settledCount = entries.count
  }

  /// The sequence that the next row gets.
  package var sequence: Int64 { nextSequence }

  func change(hold: Hold? = nil) -> Change {
    var account = account
    if account.heldMicros == 0 { account.nextHoldExpiryMicros = nil }
    return Change(
      account: account, entries: entries, settledCount: settledCount,
      ownIndex: ownIndex ?? entries.count - 1, holds: holds, hold: hold, notices: notices)
  }

  /// The row written last is the command's own; others may follow.
  mutating func markOwnRow() { ownIndex = entries.count - 1 }

  /// Whether the command's own row is written, and marked.
  var hasOwnRow: Bool { ownIndex != nil }

  /// What is written from now on came about by itself at a time; nil: the command itself is written.
  mutating func setSettled(atMicros: Int64?) { settledAtMicros = atMicros }

  /// The server is to grant next at that time.
  mutating func moveNextGrant(to atMicros: Int64?, _ causes: [GrantNotice.Cause]) {
    account.nextGrantAtMicros = atMicros
    for cause in causes { notices.append(GrantNotice(userId: account.userId, cause: cause)) }
  }

  /// A hold that changed and is still open.
  mutating func keep(_ hold: Hold) { holds.append(hold) }

  mutating func keep(opened hold: Hold) {
    account.openHoldCount += 1
    keep(hold)
  }

  mutating func keep(settled hold: Hold) {
    account.openHoldCount -= 1
    keep(hold)
  }

  /// - Throws: `holdLimit`.
  func requireRoomForHold() throws(Refusal) {
    guard account.openHoldCount < Hold.maximumOpenHolds else {
      throw Refusal(
        .holdLimit, "the user already has the most open holds allowed",
        details: ["limit": String(Hold.maximumOpenHolds)])
    }
  }

  // MARK: Rows

  /// Writes a row that says what the account has become.
  /// - Parameters:
  ///   - amountMicros: what was added to the posted balance by the changes made for this row.
  ///   - complete: sets what is particular to the row.
  mutating func write(
    _ type: TransactionType, amountMicros: Int64, effectiveAtMicros: Int64, lots: [LotAllocation],
    complete: (inout Entry) -> Void = { _ in }
  ) {
    account.version += 1
    let previous = account.head
    account.head = nextSequence
    var entry = Entry(
      userId: account.userId, type: type, amountMicros: amountMicros,
      balanceAfterMicros: account.postedMicros, heldAfterMicros: account.heldMicros,
      version: account.version, atMicros: nowMicros, effectiveAtMicros: effectiveAtMicros, lots: lots)
    entry.sequence = nextSequence
    entry.previous = previous
    entry.skip = account.marks.pass(version: account.version, sequence: nextSequence)
    entry.owedAfterMicros = account.owedMicros
    nextSequence += 1
    let balance = Rules.unsettledBalance(of: account, expiredHolds: [], at: settledAtMicros ?? nowMicros)
    entry.pendingAfterMicros = balance.pendingMicros
    entry.nextExpiryAfter = balance.nextExpiry
    complete(&entry)
    entries.append(entry)
  }

  // MARK: Lots

  /// What may be burnt or pinned now.
  var availableMicros: Int64 {
    account.lots.reduce(0) { $0 + ($1.isSpendable(atMicros: nowMicros) ? $1.unpinnedMicros : 0) }
  }

  /// Takes credit in burn order.
  /// - Parameter amountMicros: greater than zero.
  /// - Returns: what each lot gave.
  /// - Throws: `insufficientCredits`.
  mutating func burn(_ amountMicros: Int64) throws(Refusal) -> [LotAllocation] {
    let parts = try parts(of: amountMicros)
    for (index, part) in parts { account.lots[index].remainingMicros -= part.amountMicros }
    account.postedMicros -= amountMicros
    dropSpentLots()
    return parts.map(\.part)
  }

  /// Sets credit aside in burn order.
  /// - Parameter amountMicros: greater than zero.
  /// - Returns: what each lot pins.
  /// - Throws: `insufficientCredits`.
  mutating func pin(_ amountMicros: Int64) throws(Refusal) -> [LotAllocation] {
    let parts = try parts(of: amountMicros)
    for (index, part) in parts { account.lots[index].pinnedMicros += part.amountMicros }
    account.heldMicros += amountMicros
    return parts.map(\.part)
  }

  /// Divides an amount among the lots in burn order.
  private func parts(of amountMicros: Int64) throws(Refusal) -> [(index: Int, part: LotAllocation)] {
    var parts: [(index: Int, part: LotAllocation)] = []
    var wanted = amountMicros
    for index in account.lots.indices where wanted > 0 {
      let lot = account.lots[index]
      guard lot.isSpendable(atMicros: nowMicros), lot.unpinnedMicros > 0 else { continue }
      let part = min(wanted, lot.unpinnedMicros)
      parts.append((index, LotAllocation(lotId: lot.id, amountMicros: part)))
      wanted -= part
    }
    guard wanted == 0 else {
      throw Refusal(
        .insufficientCredits, "not enough credit is available",
        details: [
          "available_micros": String(availableMicros), "required_micros": String(amountMicros),
        ])
    }
    return parts
  }

  /// Ends a pin, or a part of it.
  /// - Throws: `corrupt` when the lot does not pin as much.
  mutating func unpin(_ part: LotAllocation) throws(Refusal) {
    let index = try lotIndex(of: part)
    account.lots[index].pinnedMicros -= part.amountMicros
    account.heldMicros -= part.amountMicros
  }

  /// Takes credit that is not pinned out of one lot.
  mutating func take(_ part: LotAllocation) {
    guard let index = index(ofLot: part.lotId) else { return }
    account.lots[index].remainingMicros -= part.amountMicros
    account.postedMicros -= part.amountMicros
    if account.lots[index].remainingMicros == 0 { account.lots.remove(at: index) }
  }

  /// - Throws: `corrupt` when there is no lot that pins as much.
  func lot(pinning part: LotAllocation) throws(Refusal) -> Lot { account.lots[try lotIndex(of: part)] }

  private func lotIndex(of part: LotAllocation) throws(Refusal) -> Int {
    guard
      let index = account.lots.firstIndex(where: {
        $0.id == part.lotId && $0.pinnedMicros >= part.amountMicros
      })
    else {
      throw Refusal(.corrupt, "a hold pins more than its lot \(part.lotId) has set aside")
    }
    return index
  }

  /// Opens a lot that is numbered by the next row.
  /// - Throws: `lotLimit`, `amountOverflow`.
  mutating func open(
    priority: Int32, amountMicros: Int64, effectiveAtMicros: Int64, expiresAtMicros: Int64?,
    rollover: Rollover? = nil, limit: Int = Lot.maximumOpenLots
  ) throws(Refusal) {
    try requireRoomForLots(1, limit)
    account.postedMicros = try sum(account.postedMicros, amountMicros)
    var lot = Lot(
      id: nextSequence, priority: priority, amountMicros: amountMicros, remainingMicros: amountMicros,
      effectiveAtMicros: effectiveAtMicros > nowMicros ? effectiveAtMicros : nil,
      expiresAtMicros: expiresAtMicros)
    lot.rollover = rollover
    insert(lot)
  }

  /// Gives credit back to a lot that has room for it, which is opened again when it is spent: the caller has
  /// required room for that.
  /// - Throws: `amountOverflow`; `corrupt` when nothing is known of the lot.
  mutating func give(_ part: LotAllocation) throws(Refusal) {
    account.postedMicros = try sum(account.postedMicros, part.amountMicros)
    if let index = index(ofLot: part.lotId) {
      account.lots[index].remainingMicros += part.amountMicros
      return
    }
    var lot = try origin(of: part.lotId).lot
    lot.remainingMicros = part.amountMicros
    insert(lot)
  }

  /// - Throws: `lotLimit` when so many more would be too many.
  func requireRoomForLots(_ count: Int, _ limit: Int) throws(Refusal) {
    guard count == 0 || account.lots.count + count <= limit else {
      throw Refusal(
        .lotLimit, "the user already has the most open lots allowed", details: ["limit": String(limit)])
    }
  }

  private mutating func insert(_ lot: Lot) {
    let index = account.lots.firstIndex { lot.burns(before: $0) } ?? account.lots.endIndex
    account.lots.insert(lot, at: index)
  }

  /// An open one.
  func lot(_ id: Int64) -> Lot? { index(ofLot: id).map { account.lots[$0] } }

  private func index(ofLot id: Int64) -> Int? { account.lots.firstIndex { $0.id == id } }

  /// - Throws: `corrupt` when nothing is known of the lot.
  func origin(of lotId: Int64) throws(Refusal) -> LotOrigin {
    guard let origin = origins[lotId] else {
      throw Refusal(.corrupt, "nothing is known of lot \(lotId)")
    }
    return origin
  }

  /// Changes what a reversal or a void still takes of what returns to a lot.
  mutating func addShort(_ amountMicros: Int64, toLot id: Int64) {
    // It may be spent, and opened again later.
    if let short = origins[id]?.lot.shortMicros {
      origins[id]?.lot.shortMicros = short.addingSaturating(amountMicros)
    }
    guard let index = index(ofLot: id) else { return }
    account.lots[index].shortMicros = account.lots[index].shortMicros.addingSaturating(amountMicros)
  }

  /// The lot has paid what is owed, or nothing was owed when it became effective.
  mutating func passBeginning(ofLotAt index: Int) { account.lots[index].effectiveAtMicros = nil }

  private mutating func dropSpentLots() { account.lots.removeAll { $0.remainingMicros == 0 } }

  // MARK: What is owed

  /// Adds to what is owed for a purchase's reversals, or for usage (nil).
  /// - Throws: `lotLimit` when it is for too many purchases, `amountOverflow`.
  mutating func addOwed(_ amountMicros: Int64, for purchase: Int64?) throws(Refusal) {
    let known = account.owed.firstIndex { $0.purchase == purchase }
    let purchases = account.owed.count { $0.purchase != nil }
    guard known != nil || purchase == nil || purchases < OwedPart.maximumPurchases else {
      throw Refusal(
        .lotLimit, "the user already owes for the most purchases allowed",
        details: ["limit": String(OwedPart.maximumPurchases)])
    }
    _ = try sum(account.owedMicros, amountMicros)
    if let known {
      account.owed[known].amountMicros += amountMicros
      return
    }
    let part = OwedPart(purchase: purchase, amountMicros: amountMicros)
    let index = account.owed.firstIndex { $0.purchase ?? Int64.max > purchase ?? Int64.max }
    account.owed.insert(part, at: index ?? account.owed.endIndex)
  }

  /// - Parameter amountMicros: at most what is owed of it.
  mutating func lessenOwed(_ amountMicros: Int64, for purchase: Int64?) {
    guard let index = account.owed.firstIndex(where: { $0.purchase == purchase }) else { return }
    account.owed[index].amountMicros -= amountMicros
    if account.owed[index].amountMicros == 0 { account.owed.remove(at: index) }
  }
}

/// - Throws: `amountOverflow` when the sum leaves the range of int64.
func sum(_ left: Int64, _ right: Int64) throws(Refusal) -> Int64 {
  let (sum, overflow) = left.addingReportingOverflow(right)
  guard !overflow else { throw outOfRange() }
  return sum
}

func outOfRange() -> Refusal { Refusal(.amountOverflow, "a sum would overflow int64") }
