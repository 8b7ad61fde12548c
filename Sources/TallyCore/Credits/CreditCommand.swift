// What a caller may ask of credits: one value a method. Those that give money back are in
// CreditCommand+MoneyBack.swift.
//
// Invariants:
// 1. A command holds all that its decision needs from outside (key, digest, acting user). Clock and ids come
//    from the engine.
// 2. Fields were checked for form (lengths, UTF-8, signs) before a command is made. The rules check what
//    depends on state.

/// Mutations of the ledger. Amounts are micro-USD, times microseconds since the epoch.
public enum CreditCommand {
  public struct Consume: Sendable, Equatable {
    public var userId: String
    public var amountMicros: Int64
    public var runId: String
    /// Who spends it: a member or a key of the account; empty for none. So it is everywhere.
    public var spender: String
    public var idempotency: Idempotency
    public var text: FreeText

    public init(
      userId: String, amountMicros: Int64, runId: String = "", spender: String = "",
      idempotency: Idempotency, text: FreeText = FreeText()
    ) {
      self.userId = userId
      self.amountMicros = amountMicros
      self.runId = runId
      self.spender = spender
      self.idempotency = idempotency
      self.text = text
    }
  }

  /// Several debits: all of them or none.
  public struct AtomicConsume: Sendable {
    /// In order. One whose fields are wrong is refused already, and with it the whole.
    public var items: [Outcome<Consume>]

    public init(items: [Outcome<Consume>]) { self.items = items }
  }

  public struct AddPurchase: Sendable, Equatable {
    public var userId: String
    public var paymentId: String
    /// Further ids of the same payment at the provider.
    public var externalRefs: [String]
    public var amountMicros: Int64
    public var package: String
    public var expiresAtMicros: Int64?
    /// The top-up intent that it closes.
    public var intentId: Int64?
    public var idempotency: Idempotency
    public var text: FreeText

    public init(
      userId: String, paymentId: String, externalRefs: [String] = [], amountMicros: Int64,
      package: String = "", expiresAtMicros: Int64? = nil, intentId: Int64? = nil,
      idempotency: Idempotency,
      text: FreeText = FreeText()
    ) {
      self.userId = userId
      self.paymentId = paymentId
      self.externalRefs = externalRefs
      self.amountMicros = amountMicros
      self.package = package
      self.expiresAtMicros = expiresAtMicros
      self.intentId = intentId
      self.idempotency = idempotency
      self.text = text
    }
  }

  public struct GrantPlan: Sendable, Equatable {
    public var userId: String
    public var planId: String
    /// nil is the current month of the plan's time zone.
    public var period: PeriodName?
    /// nil is the plan's monthly credit.
    public var amountMicros: Int64?
    /// nil is the period's start; a time that is past is now.
    public var effectiveAtMicros: Int64?
    /// nil is the plan's rule.
    public var expiresAtMicros: Int64?
    public var idempotency: Idempotency
    public var text: FreeText

    public init(
      userId: String, planId: String, period: PeriodName? = nil, amountMicros: Int64? = nil,
      effectiveAtMicros: Int64? = nil, expiresAtMicros: Int64? = nil, idempotency: Idempotency,
      text: FreeText = FreeText()
    ) {
      self.userId = userId
      self.planId = planId
      self.period = period
      self.amountMicros = amountMicros
      self.effectiveAtMicros = effectiveAtMicros
      self.expiresAtMicros = expiresAtMicros
      self.idempotency = idempotency
      self.text = text
    }
  }

  public struct GrantPromo: Sendable, Equatable {
    public var userId: String
    public var amountMicros: Int64
    /// 1 to 1,000; lower burns first.
    public var priority: Int32
    /// nil is now.
    public var effectiveAtMicros: Int64?
    public var expiresAtMicros: Int64?
    public var idempotency: Idempotency
    public var text: FreeText

    public init(
      userId: String, amountMicros: Int64, priority: Int32 = Lot.defaultPromoPriority,
      effectiveAtMicros: Int64? = nil, expiresAtMicros: Int64? = nil, idempotency: Idempotency,
      text: FreeText = FreeText()
    ) {
      self.userId = userId
      self.amountMicros = amountMicros
      self.priority = priority
      self.effectiveAtMicros = effectiveAtMicros
      self.expiresAtMicros = expiresAtMicros
      self.idempotency = idempotency
      self.text = text
    }
  }

  public struct Adjust: Sendable, Equatable {
    public var userId: String
    /// Positive adds a lot, negative takes what is available; never zero.
    public var amountMicros: Int64
    public var actor: String
    public var reason: String
    public var idempotency: Idempotency
    public var text: FreeText

    public init(
      userId: String, amountMicros: Int64, actor: String, reason: String, idempotency: Idempotency,
      text: FreeText = FreeText()
    ) {
      self.userId = userId
      self.amountMicros = amountMicros
      self.actor = actor
      self.reason = reason
      self.idempotency = idempotency
      self.text = text
    }
  }

  public struct Reserve: Sendable, Equatable {
    public var userId: String
    public var amountMicros: Int64
    public var ttlMillis: Int64
    public var runId: String
    public var spender: String
    public var idempotency: Idempotency
    public var text: FreeText

    public init(
      userId: String, amountMicros: Int64, ttlMillis: Int64, runId: String = "", spender: String = "",
      idempotency: Idempotency, text: FreeText = FreeText()
    ) {
      self.userId = userId
      self.amountMicros = amountMicros
      self.ttlMillis = ttlMillis
      self.runId = runId
      self.spender = spender
      self.idempotency = idempotency
      self.text = text
    }
  }

  public struct Extend: Sendable, Equatable {
    /// The sequence of the row that opened the hold.
    public var holdId: Int64
    /// From the time of the call.
    public var ttlMillis: Int64
    /// A hold of another user is not found; nil may touch any.
    public var actingUserId: String?
    public var idempotency: Idempotency

    public init(holdId: Int64, ttlMillis: Int64, actingUserId: String? = nil, idempotency: Idempotency) {
      self.holdId = holdId
      self.ttlMillis = ttlMillis
      self.actingUserId = actingUserId
      self.idempotency = idempotency
    }
  }

  public struct Capture: Sendable, Equatable {
    public var holdId: Int64
    /// nil is all that is held.
    public var amountMicros: Int64?
    /// Whether it may be more than is held: then the rest comes from what is available.
    public var mayDraw: Bool
    public var actingUserId: String?
    public var idempotency: Idempotency
    public var text: FreeText

    public init(
      holdId: Int64, amountMicros: Int64? = nil, mayDraw: Bool = false, actingUserId: String? = nil,
      idempotency: Idempotency, text: FreeText = FreeText()
    ) {
      self.holdId = holdId
      self.amountMicros = amountMicros
      self.mayDraw = mayDraw
      self.actingUserId = actingUserId
      self.idempotency = idempotency
      self.text = text
    }
  }

  public struct Release: Sendable, Equatable {
    public var holdId: Int64
    public var actingUserId: String?
    public var idempotency: Idempotency

    public init(holdId: Int64, actingUserId: String? = nil, idempotency: Idempotency) {
      self.holdId = holdId
      self.actingUserId = actingUserId
      self.idempotency = idempotency
    }
  }
}
