// What a command does to an account: the whole of the ledger's law, as pure functions.
//
// Invariants:
// 1. Pure: the same command and context give the same answer; no clock, no store, no randomness.
// 2. What has expired is settled first, within the same change; a refusal is decided on the settled
//    view and writes nothing, settling included.
// 3. Rows may follow the command's own one (what is owed, what is forfeited). The balance that it answers is
//    that of its change's last row, now and at every replay.
// 4. Texts are told apart by their bytes; `==` takes composed and decomposed letters for equal.
// 5. Checks come in the order of `Reason`: fields that depend on the time, state of the hold, number
//    of holds and lots, range of sums, balance.
//
// Whether the user's key, payment or period was used before is checked in Deciding, before it asks here.

/// What the rules need to know to decide one command.
public struct DecisionContext: Sendable {
  /// The effective time of the write, used for everything in it.
  public var nowMicros: Int64
  /// The sequence that the change's first row gets. Rows, lots and holds are numbered from it.
  public var nextSequence: Int64
  /// The account as it is stored; an empty one for a user that is not known.
  public var account: Account
  /// All `open` holds of that user with `expiresAtMicros <= nowMicros`, in any order.
  public var expiredHolds: [Hold]
  /// The hold that the command names, whatever its state; nil when there is none by that id.
  public var hold: Hold?
  /// The plan that the command names; nil when there is none by that id.
  public var plan: Plan?
  /// The period of that plan which the command grants.
  public var period: Period?
  /// Whether the user's plan lets nobody spend who owes. Looked up only when something is owed.
  public var blocksOwing = false
  /// Why what is asked for does not fit into a cap, if so.
  package var capRefusal: Refusal?
  /// What is due of the user's subscription.
  public var dueGrant: DueGrant?
  /// How those lots came about that credit may return to: spent ones, and those with something short.
  package var origins: [Int64: LotOrigin] = [:]

  public init(
    nowMicros: Int64, nextSequence: Int64, account: Account, expiredHolds: [Hold] = [], hold: Hold? = nil,
    plan: Plan? = nil
  ) {
    self.nowMicros = nowMicros
    self.nextSequence = nextSequence
    self.account = account
    self.expiredHolds = expiredHolds
    self.hold = hold
    self.plan = plan
  }
}

/// What the engine writes for one command, or for a sweep: all of it or nothing.
public struct Change: Sendable, Equatable {
  /// As the last of `entries` leaves it. Its `nextHoldExpiryMicros` is exact when `holds` is empty or
  /// nothing is held any more (nil); else the engine sets it to the earliest expiry among the user's
  /// open holds, after it has stored `holds`.
  public var account: Account
  /// In sequence order, without gaps from the context's `nextSequence`; empty only when a sweep has moved no
  /// more than the time of the next grant, or of looking at the account's top-ups. Commit points are the
  /// engine's to set.
  public var entries: [Entry]
  /// How many of them, the first ones, came about by themselves before the command.
  public var settledCount = 0
  /// Where the command's own row, which carries its key, stands among them.
  public var ownIndex: Int
  /// New or changed ones, each once, as they stand after the change.
  public var holds: [Hold]
  /// The hold that the command made, extended or settled.
  public var hold: Hold?
  /// What whoever runs the server is told of it.
  public var notices: [GrantNotice] = []
}

extension Change {
  /// The command's own row.
  var own: Entry? { entries.indices.contains(ownIndex) ? entries[ownIndex] : nil }
}

public enum Rules {
  /// Writes off what has expired, with no command behind it.
  /// - Parameter slice: how much of it; the context's holds are the earliest then.
  /// - Returns: nil when nothing has, no grant was due, and no top-up is to be looked at.
  /// - Throws: `corrupt` when a hold pins what its lot does not have.
  public static func sweep(
    _ context: DecisionContext, within slice: SettlingSlice = .whole
  ) throws(Refusal) -> Change? {
    let draft = try Draft(settling: context, within: slice)
    let isMoved = draft.account.nextGrantAtMicros != context.account.nextGrantAtMicros
    let isTopUpDue = context.account.topUpAtMicros.map { $0 <= context.nowMicros } ?? false
    guard isMoved || isTopUpDue || !draft.entries.isEmpty else { return nil }
    return draft.change()
  }

  /// Stores a plan over the one of the same id.
  /// - Returns: what is stored afterwards, and whether it had this content already.
  public static func put(_ plan: Plan, over stored: Plan?, nowMicros: Int64) -> (
    plan: Plan, unchanged: Bool
  ) {
    if let stored, plan.hasContent(of: stored) { return (stored, true) }
    var plan = plan
    plan.updatedAtMicros = nowMicros
    return (plan, false)
  }

  /// What is left of an account when what has expired is left out. See `balance(of:expiredHolds:at:)`.
  static func unsettledBalance(of account: Account, expiredHolds: [Hold], at nowMicros: Int64) -> Balance {
    var unpinned: [Int64: Int64] = [:]
    for pin in expiredHolds.lazy.flatMap(\.pins) {
      unpinned[pin.lotId] = (unpinned[pin.lotId] ?? 0).addingSaturating(pin.amountMicros)
    }
    var balance = Balance(
      userId: account.userId, owedMicros: account.owedMicros, version: account.version)
    for lot in account.lots {
      var pinned = lot.pinnedMicros
      if !expiredHolds.isEmpty { pinned = max(0, pinned - unpinned[lot.id, default: 0]) }
      balance.add(lot, pinnedMicros: pinned, nowMicros: nowMicros)
    }
    return balance
  }

  /// A hold as its client sees it at a time, whether or not its expiry was written off.
  /// - Parameter account: the hold's, as stored.
  public static func hold(_ hold: Hold, of account: Account, at nowMicros: Int64) -> Hold {
    guard hold.state == .open, hold.expiresAtMicros <= nowMicros else { return hold }
    var settled = hold
    settled.settle(as: .expired, atMicros: hold.expiresAtMicros)
    for pin in hold.pins {
      let lot = account.lots.first { $0.id == pin.lotId }
      if let lot, lot.isExpired(atMicros: hold.expiresAtMicros) {
        settled.forfeitedMicros += pin.amountMicros
      } else {
        settled.releasedMicros += pin.amountMicros
      }
    }
    return settled
  }

  /// The hold that a command names, as far as its caller may see it.
  /// - Throws: `holdNotFound`.
  public static func named(_ hold: Hold?, id: Int64, actingUserId: String?) throws(Refusal) -> Hold {
    guard let hold, actingUserId?.isExactly(hold.userId) ?? true else {
      throw Refusal(
        .holdNotFound, "there is no such hold",
        details: id == Identifiers.noHold ? [:] : ["hold_id": Identifiers.hold(id)])
    }
    return hold
  }
}

extension Balance {
  /// Counts one lot, of which `pinnedMicros` are set aside.
  package mutating func add(_ lot: Lot, pinnedMicros: Int64, nowMicros: Int64) {
    if lot.isPending(atMicros: nowMicros) {
      pendingMicros += lot.remainingMicros
      return
    }
    heldMicros += pinnedMicros
    if lot.isExpired(atMicros: nowMicros) {
      postedMicros += pinnedMicros
      return
    }
    postedMicros += lot.remainingMicros
    let unpinned = lot.remainingMicros - pinnedMicros
    guard unpinned > 0, let expiry = lot.expiresAtMicros else { return }
    note(Expiry(atMicros: expiry, amountMicros: unpinned))
  }

  /// Counts credit that expires.
  mutating func note(_ expiry: Expiry) {
    if let next = nextExpiry, next.atMicros <= expiry.atMicros {
      if next.atMicros == expiry.atMicros { nextExpiry?.amountMicros += expiry.amountMicros }
    } else {
      nextExpiry = expiry
    }
  }
}

extension Lot {
  /// Neither spent, expired nor set aside.
  var unpinnedMicros: Int64 { remainingMicros - pinnedMicros }

  func isExpired(atMicros: Int64) -> Bool {
    guard let expiresAtMicros else { return false }
    return expiresAtMicros <= atMicros
  }

  func isPending(atMicros: Int64) -> Bool {
    guard let effectiveAtMicros else { return false }
    return effectiveAtMicros > atMicros
  }

  /// Whether it may be burnt or pinned.
  func isSpendable(atMicros: Int64) -> Bool {
    !isPending(atMicros: atMicros) && !isExpired(atMicros: atMicros)
  }

  /// Burn order: priority, then earliest expiry (none last), then id.
  func burns(before other: Lot) -> Bool {
    if priority != other.priority { return priority < other.priority }
    switch (expiresAtMicros, other.expiresAtMicros) {
    case (let mine?, let theirs?) where mine != theirs: return mine < theirs
    case (.some, nil): return true
    case (nil, .some): return false
    default: return id < other.id
    }
  }
}
