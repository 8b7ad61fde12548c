// A row of the ledger, a hold, a plan, and the receipt that a command's caller gets.
//
// Invariants:
// 1. A row is complete when the rules have made it: the engine adds sequence, commit point, chain
//    hash, and nothing else.
// 2. balanceAfter = the user's balance before + amount; at never decreases along the sequence.
//
// Values, owned by nobody.

/// Numbers are the wire's and the disk's; never reused.
public enum TransactionType: Int32, Sendable, CaseIterable {
  case opening = 1
  case purchase = 2
  case planGrant = 3
  case promoGrant = 4
  case adjustment = 5
  case apiUsage = 6
  case refund = 7
  case reversal = 8
  case expiry = 9
  case void = 10
  case hold = 11
  case holdExtend = 12
  case holdRelease = 13

  /// Whether anything makes rows of it; the others only keep their number and their place in the books.
  public var isMade: Bool {
    switch self {
    case .purchase, .planGrant, .promoGrant, .adjustment, .apiUsage, .expiry, .hold, .holdExtend,
      .holdRelease:
      true
    case .opening, .refund, .reversal, .void: false
    }
  }

  /// The system account that stands against the user's; nil for rows of amount zero.
  public var counterpart: SystemAccount? {
    switch self {
    case .opening, .purchase, .planGrant, .promoGrant: .issued
    case .adjustment: .adjustments
    case .apiUsage, .refund: .revenue
    case .reversal: .issued
    case .expiry, .void: .forfeited
    case .hold, .holdExtend, .holdRelease: nil
    }
  }
}

/// The other side of every row; only these may be negative.
public enum SystemAccount: Int32, Sendable, CaseIterable {
  case issued = 1
  case revenue = 2
  case forfeited = 3
  case adjustments = 4
}

/// One lot's part in a row; the amount is positive.
public struct LotAllocation: Sendable, Equatable {
  public var lotId: Int64
  public var amountMicros: Int64

  public init(lotId: Int64, amountMicros: Int64) {
    self.lotId = lotId
    self.amountMicros = amountMicros
  }
}

/// One ledger row.
public struct Entry: Sendable, Equatable {
  public var sequence: Int64 = 0
  public var commit = CommitPoint(sequence: 0, position: 0)
  public var userId: String
  public var type: TransactionType
  /// Signed; zero for rows of holds.
  public var amountMicros: Int64
  public var balanceAfterMicros: Int64
  public var heldAfterMicros: Int64
  /// Of `balanceAfterMicros`, what is effective only later.
  public var pendingAfterMicros: Int64 = 0
  public var nextExpiryAfter: Balance.Expiry?
  /// The account's version after the row.
  public var version: Int64
  /// When it was written.
  public var atMicros: Int64
  /// When its fact became true.
  public var effectiveAtMicros: Int64
  /// For grants one allocation whose lot id is this row's sequence (zero until the engine numbers it);
  /// for debits what each lot gave; for `hold` rows what each lot pins.
  public var lots: [LotAllocation]
  /// Grants: the new lot's priority.
  public var priority: Int32 = 0
  /// Grants: the lot's expiry; `hold` and `holdExtend`: the hold's.
  public var expiresAtMicros: Int64?
  /// nil for rows that no caller asked for (expiry, hold expiry).
  public var idempotency: Idempotency?
  public var runId = ""
  public var paymentId: String?
  public var planId: String?
  public var periodStartMicros: Int64?
  /// The hold that the row opened (its own sequence; zero until numbered), extended or settled.
  public var holdId: Int64?
  /// `hold`: what it holds; `holdRelease`: what it gave back.
  public var holdAmountMicros: Int64 = 0
  public var package = ""
  public var actor = ""
  public var reason = ""
  public var text = FreeText()

  public init(
    userId: String, type: TransactionType, amountMicros: Int64, balanceAfterMicros: Int64,
    heldAfterMicros: Int64, version: Int64, atMicros: Int64, effectiveAtMicros: Int64,
    lots: [LotAllocation]
  ) {
    self.userId = userId
    self.type = type
    self.amountMicros = amountMicros
    self.balanceAfterMicros = balanceAfterMicros
    self.heldAfterMicros = heldAfterMicros
    self.version = version
    self.atMicros = atMicros
    self.effectiveAtMicros = effectiveAtMicros
    self.lots = lots
  }

  /// The balance that stood after the row, as its caller was told.
  public var balanceAfter: Balance {
    Balance(
      userId: userId, postedMicros: balanceAfterMicros - pendingAfterMicros, heldMicros: heldAfterMicros,
      pendingMicros: pendingAfterMicros, version: version, nextExpiry: nextExpiryAfter)
  }
}

public enum HoldState: Int32, Sendable, CaseIterable {
  case open = 1
  case captured = 2
  case released = 3
  case expired = 4
}

/// Credit set aside. Leaves `open` exactly once; then captured + released + forfeited = amount.
public struct Hold: Sendable, Equatable {
  /// The sequence of the row that opened it.
  public var id: Int64
  public var userId: String
  public var state: HoldState
  public var amountMicros: Int64
  public var capturedMicros: Int64 = 0
  public var releasedMicros: Int64 = 0
  public var forfeitedMicros: Int64 = 0
  public var createdAtMicros: Int64
  public var expiresAtMicros: Int64
  public var settledAtMicros: Int64 = 0
  public var runId: String
  /// What each lot pins, in burn order.
  public var pins: [LotAllocation]

  /// Open ones of one user.
  public static let maximumOpenHolds: Int64 = 1_024

  public init(
    id: Int64, userId: String, state: HoldState = .open, amountMicros: Int64, createdAtMicros: Int64,
    expiresAtMicros: Int64, runId: String, pins: [LotAllocation]
  ) {
    self.id = id
    self.userId = userId
    self.state = state
    self.amountMicros = amountMicros
    self.createdAtMicros = createdAtMicros
    self.expiresAtMicros = expiresAtMicros
    self.runId = runId
    self.pins = pins
  }
}

/// When the credit of a plan's grant expires. Numbers are the wire's and the disk's.
public enum GrantExpiry: Sendable, Equatable {
  case never
  case periodEnd
  /// After the period's start.
  case after(millis: Int64)
}

/// What a subscription grants, what it allows, and what runs cost under it.
public struct Plan: Sendable, Equatable {
  public var id: String
  public var displayName: String
  public var monthlyCreditMicros: Int64
  public var grantExpiry: GrantExpiry
  public var priority: Int32
  public var updatedAtMicros: Int64
  public var limits: PlanLimits
  /// An IANA name: the zone of the quotas' month. UTC when empty.
  public var timeZone: String
  /// By the bytes of the model's name, each once.
  public var prices: [ModelPrice]

  public init(
    id: String, displayName: String, monthlyCreditMicros: Int64, grantExpiry: GrantExpiry,
    priority: Int32 = Lot.defaultPlanPriority, updatedAtMicros: Int64 = 0, limits: PlanLimits = PlanLimits(),
    timeZone: String = "", prices: [ModelPrice] = []
  ) {
    self.id = id
    self.displayName = displayName
    self.monthlyCreditMicros = monthlyCreditMicros
    self.grantExpiry = grantExpiry
    self.priority = priority
    self.updatedAtMicros = updatedAtMicros
    self.limits = limits
    self.timeZone = timeZone
    self.prices = prices
  }
}

/// What the caller of a command that was applied gets.
public struct Receipt: Sendable, Equatable {
  public var transaction: Entry
  public var balance: Balance
  /// The hold that the command made or changed, as it stood right after.
  public var hold: Hold?
  /// The command had been applied before; everything here is what was stored then.
  public var replayed: Bool

  public init(transaction: Entry, balance: Balance, hold: Hold? = nil, replayed: Bool = false) {
    self.transaction = transaction
    self.balance = balance
    self.hold = hold
    self.replayed = replayed
  }
}
