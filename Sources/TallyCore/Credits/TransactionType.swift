// What kinds of ledger rows there are, and the system accounts that stand against them.

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
  case reinstatement = 14
  case rollover = 15
  case owedPayment = 16
  case owed = 17
  case owedForgiven = 18

  /// Whether anything makes rows of it; the others only keep their number and their place in the books.
  public var isMade: Bool {
    switch self {
    case .purchase, .planGrant, .promoGrant, .adjustment, .apiUsage, .refund, .reversal, .reinstatement,
      .expiry, .void, .rollover, .hold, .holdExtend, .holdRelease, .owed, .owedPayment, .owedForgiven:
      true
    case .opening: false
    }
  }

  /// As on the wire, without its prefix.
  var name: String {
    switch self {
    case .opening: "OPENING"
    case .purchase: "PURCHASE"
    case .planGrant: "PLAN_GRANT"
    case .promoGrant: "PROMO_GRANT"
    case .adjustment: "ADJUSTMENT"
    case .apiUsage: "API_USAGE"
    case .refund: "REFUND"
    case .reversal: "REVERSAL"
    case .expiry: "EXPIRY"
    case .void: "VOID"
    case .hold: "HOLD"
    case .holdExtend: "HOLD_EXTEND"
    case .holdRelease: "HOLD_RELEASE"
    case .reinstatement: "REINSTATEMENT"
    case .rollover: "ROLLOVER"
    case .owedPayment: "OWED_PAYMENT"
    case .owed: "OWED"
    case .owedForgiven: "OWED_FORGIVEN"
    }
  }
}

extension Entry {
  /// The system account that stands against the user's; nil for rows of amount zero. What is paid of a
  /// reversal undoes issued credit; what is paid of usage is revenue.
  public var counterpart: SystemAccount? {
    switch type {
    case .opening, .purchase, .planGrant, .promoGrant, .reversal, .reinstatement: .issued
    case .adjustment: .adjustments
    case .apiUsage, .refund: .revenue
    case .expiry, .void, .rollover: .forfeited
    case .owedPayment: refersTo == nil ? .revenue : .issued
    case .hold, .holdExtend, .holdRelease, .owed, .owedForgiven: nil
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
