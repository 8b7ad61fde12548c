// One user's credit: lots, what is pinned in them, and the balance they add up to.
//
// Invariants:
// 1. postedMicros = sum of remaining over lots = sum of the user's ledger; heldMicros = sum of pinned.
// 2. Per lot 0 <= pinned <= remaining <= amount. Lots with nothing remaining are not kept here.
// 3. `openHoldCount` is the number of the user's holds that are stored as open.
// 4. `lots` stands in burn order: priority, then earliest expiry (none last), then id.
// 5. `owed` has no part of zero; reversals' parts stand first, in order of their purchases, usage last.
//
// Values; the writer queue owns the stored ones.

/// Credit from one grant.
public struct Lot: Sendable, Equatable {
  /// The sequence of the ledger row that granted it.
  public var id: Int64
  /// Lower burns first.
  public var priority: Int32
  public var amountMicros: Int64
  /// Neither spent nor expired, pinned credit included.
  public var remainingMicros: Int64
  /// Set aside by open holds.
  public var pinnedMicros: Int64
  /// nil: effective since it was granted.
  public var effectiveAtMicros: Int64?
  /// nil: never.
  public var expiresAtMicros: Int64?
  /// What a reversal or a void of it could not take: it takes as much of what returns to the lot.
  public var shortMicros: Int64 = 0
  /// Of a plan's lot: what becomes of its rest when it expires.
  public var rollover: Rollover?

  public static let defaultPlanPriority: Int32 = 10
  public static let defaultPromoPriority: Int32 = 20
  public static let defaultPurchasePriority: Int32 = 50
  /// Adjustments upwards and opening balances burn as purchases do.
  public static let defaultAdjustmentPriority: Int32 = 50
  /// Open lots of one user.
  public static let maximumOpenLots = 256
  /// The same where refusing would lose money or what is due: purchases, refunds, reinstatements, and what
  /// comes about by itself.
  public static let maximumOpenLotsInAll = 1_024

  public init(
    id: Int64, priority: Int32, amountMicros: Int64, remainingMicros: Int64, pinnedMicros: Int64 = 0,
    effectiveAtMicros: Int64? = nil, expiresAtMicros: Int64? = nil
  ) {
    self.id = id
    self.priority = priority
    self.amountMicros = amountMicros
    self.remainingMicros = remainingMicros
    self.pinnedMicros = pinnedMicros
    self.effectiveAtMicros = effectiveAtMicros
    self.expiresAtMicros = expiresAtMicros
  }
}

/// What rolls over of a plan's lot when it expires at its period's end.
public struct Rollover: Sendable, Equatable {
  /// At most; greater than zero.
  public var capMicros: Int64
  /// When what has rolled over expires: the next period's end.
  public var endMicros: Int64

  public init(capMicros: Int64, endMicros: Int64) {
    self.capMicros = capMicros
    self.endMicros = endMicros
  }
}

/// What a user owes for one reason.
public struct OwedPart: Sendable, Equatable {
  /// The row of the purchase whose reversal was short; nil for usage.
  public var purchase: Int64?
  /// Greater than zero.
  public var amountMicros: Int64

  public init(purchase: Int64?, amountMicros: Int64) {
    self.purchase = purchase
    self.amountMicros = amountMicros
  }

  /// Purchases for whose reversals one user owes at a time.
  public static let maximumPurchases = 256
}

/// Rows of a user that later rows point back to, so that one long ago is found in few steps: a row whose
/// version is a multiple of 4,096 points to the one before of that kind, else one whose version is a multiple
/// of 64 likewise, and any other to the last multiple of 64. Zero: there is none yet.
public struct SkipMarks: Sendable, Equatable {
  public var last64: Int64
  public var last4096: Int64

  public init(last64: Int64 = 0, last4096: Int64 = 0) {
    self.last64 = last64
    self.last4096 = last4096
  }

  /// Takes note of a row.
  /// - Returns: the row that it points back to.
  package mutating func pass(version: Int64, sequence: Int64) -> Int64 {
    guard version % 64 == 0 else { return last64 }
    let isFar = version % 4_096 == 0
    defer {
      last64 = sequence
      if isFar { last4096 = sequence }
    }
    return isFar ? last4096 : last64
  }
}

/// A user's account as the last ledger row left it. What has expired since is still in it; `balance(at:)`
/// and the rules look through that.
public struct Account: Sendable, Equatable {
  /// The row in the account table; zero until the first write.
  public var id: Int64
  public var userId: String
  /// Pending lots (effective later) and expired, not yet written off ones included.
  public var postedMicros: Int64
  public var heldMicros: Int64
  /// Rises by one with each ledger row.
  public var version: Int64
  /// The sequence of the user's last ledger row, or zero.
  public var head: Int64
  public var lots: [Lot]
  /// The earliest expiry among open holds; nil without open holds.
  public var nextHoldExpiryMicros: Int64?
  /// Those whose expiry was not written off yet included.
  public var openHoldCount: Int64
  /// What was used or taken back and is not paid.
  public var owed: [OwedPart] = []
  /// Neither consumes nor sets credit aside.
  public var isSuspended = false
  /// When the server is to grant the subscription's next period; nil: never.
  public var nextGrantAtMicros: Int64?
  /// Top-ups are looked at when less than that is available; nil: never, or one is under way.
  public var topUpBelowMicros: Int64?
  /// When they are looked at by time alone; nil: with the next change only.
  public var topUpAtMicros: Int64?
  public var marks = SkipMarks()
  /// Of the user and the user's spenders, beside those of the plan.
  public var ownCapCount: Int64 = 0
  /// Whether something is counted for caps of the user. While it is, all of it is kept up to date.
  public var isCapCounted = false

  public init(
    id: Int64 = 0, userId: String, postedMicros: Int64 = 0, heldMicros: Int64 = 0, version: Int64 = 0,
    head: Int64 = 0, lots: [Lot] = [], nextHoldExpiryMicros: Int64? = nil, openHoldCount: Int64 = 0
  ) {
    self.id = id
    self.userId = userId
    self.postedMicros = postedMicros
    self.heldMicros = heldMicros
    self.version = version
    self.head = head
    self.lots = lots
    self.nextHoldExpiryMicros = nextHoldExpiryMicros
    self.openHoldCount = openHoldCount
  }
}

/// An account as a client sees it at a time: expired lots and holds are out, pending lots apart.
public struct Balance: Sendable, Equatable {
  public var userId: String
  public var postedMicros: Int64
  public var heldMicros: Int64
  public var pendingMicros: Int64
  public var owedMicros: Int64
  public var version: Int64
  public var nextExpiry: Expiry?

  /// When credit that is not pinned expires next, and how much.
  public struct Expiry: Sendable, Equatable {
    public var atMicros: Int64
    public var amountMicros: Int64

    public init(atMicros: Int64, amountMicros: Int64) {
      self.atMicros = atMicros
      self.amountMicros = amountMicros
    }
  }

  /// Saturates for the sake of a damaged row; those of a sound one are never out of range.
  public var availableMicros: Int64 { postedMicros.subtractingSaturating(heldMicros) }

  public init(
    userId: String, postedMicros: Int64 = 0, heldMicros: Int64 = 0, pendingMicros: Int64 = 0,
    owedMicros: Int64 = 0, version: Int64 = 0, nextExpiry: Expiry? = nil
  ) {
    self.userId = userId
    self.postedMicros = postedMicros
    self.heldMicros = heldMicros
    self.pendingMicros = pendingMicros
    self.owedMicros = owedMicros
    self.version = version
    self.nextExpiry = nextExpiry
  }
}

extension Account {
  /// Saturates for the sake of a damaged row.
  package var owedMicros: Int64 { owed.reduce(0) { $0.addingSaturating($1.amountMicros) } }

  /// What is owed for one purchase's reversals; for usage when it is nil.
  func owedMicros(for purchase: Int64?) -> Int64 {
    owed.first { $0.purchase == purchase }?.amountMicros ?? 0
  }

  /// When the sweep has something to do: the earliest expiry of a lot that is not wholly pinned, or of an
  /// open hold; the next grant of a subscription; the time at which pending credit can pay what is owed, and
  /// that at which top-ups are looked at.
  /// Pinned credit outlives its lot's expiry.
  package var nextDueMicros: Int64? {
    var due = nextHoldExpiryMicros
    if let next = nextGrantAtMicros { due = min(due ?? next, next) }
    if let next = topUpAtMicros { due = min(due ?? next, next) }
    for lot in lots where lot.remainingMicros > lot.pinnedMicros {
      if !owed.isEmpty, let effective = lot.effectiveAtMicros { due = min(due ?? effective, effective) }
      guard let expiry = lot.expiresAtMicros else { continue }
      due = min(due ?? expiry, expiry)
    }
    return due
  }
}
