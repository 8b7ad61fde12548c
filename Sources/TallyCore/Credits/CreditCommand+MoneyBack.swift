// What a caller may ask of credits when money or credit goes back: one value a method.
//
// Invariants:
// 1. As of all commands of credits (CreditCommand.swift).

extension CreditCommand {
  /// Gives back what a debit took.
  public struct Refund: Sendable, Equatable {
    public enum Debit: Sendable, Equatable {
      /// By the sequence of its row.
      case transaction(Int64)
      /// What the end of a run charged; the newest attempt when it is zero.
      case run(String, attempt: Int32)
    }

    public var debit: Debit
    /// nil is all that is not refunded yet.
    public var amountMicros: Int64?
    /// A debit of another user is not found; nil may touch any.
    public var actingUserId: String?
    public var idempotency: Idempotency
    public var text: FreeText

    public init(
      debit: Debit, amountMicros: Int64? = nil, actingUserId: String? = nil, idempotency: Idempotency,
      text: FreeText = FreeText()
    ) {
      self.debit = debit
      self.amountMicros = amountMicros
      self.actingUserId = actingUserId
      self.idempotency = idempotency
      self.text = text
    }
  }

  /// What becomes of what a reversal cannot take, since it is spent or held.
  public enum OnShortfall: Sendable, Equatable {
    /// The reversal is refused.
    case reject
    /// It is taken when it returns.
    case partial
    /// The user owes it.
    case owe
  }

  /// Takes a purchase's credit back.
  public struct ReversePurchase: Sendable, Equatable {
    /// Any of the purchase's ids at the provider.
    public var paymentId: String
    /// nil is all that is not reversed yet.
    public var amountMicros: Int64?
    /// The provider's, of the refund or the dispute.
    public var eventId: String
    public var onShortfall: OnShortfall
    /// A purchase of another user is not found; nil may touch any.
    public var actingUserId: String?
    public var idempotency: Idempotency
    public var text: FreeText

    public init(
      paymentId: String, amountMicros: Int64? = nil, eventId: String, onShortfall: OnShortfall = .reject,
      actingUserId: String? = nil, idempotency: Idempotency, text: FreeText = FreeText()
    ) {
      self.paymentId = paymentId
      self.amountMicros = amountMicros
      self.eventId = eventId
      self.onShortfall = onShortfall
      self.actingUserId = actingUserId
      self.idempotency = idempotency
      self.text = text
    }
  }

  /// Undoes what was reversed of a purchase.
  public struct ReinstatePurchase: Sendable, Equatable {
    /// Any of the purchase's ids at the provider.
    public var paymentId: String
    /// nil is all that is reversed.
    public var amountMicros: Int64?
    /// The provider's, of the dispute that was won.
    public var eventId: String
    /// A purchase of another user is not found; nil may touch any.
    public var actingUserId: String?
    public var idempotency: Idempotency
    public var text: FreeText

    public init(
      paymentId: String, amountMicros: Int64? = nil, eventId: String, actingUserId: String? = nil,
      idempotency: Idempotency, text: FreeText = FreeText()
    ) {
      self.paymentId = paymentId
      self.amountMicros = amountMicros
      self.eventId = eventId
      self.actingUserId = actingUserId
      self.idempotency = idempotency
      self.text = text
    }
  }

  /// Takes back what of a grant is neither spent nor held.
  public struct VoidGrant: Sendable, Equatable {
    /// The sequence of the grant's row.
    public var transaction: Int64
    /// nil is all that is there, and of what is not there whatever returns.
    public var amountMicros: Int64?
    public var actor: String
    public var reason: String
    /// A grant of another user is not found; nil may touch any.
    public var actingUserId: String?
    public var idempotency: Idempotency
    public var text: FreeText

    public init(
      transaction: Int64, amountMicros: Int64? = nil, actor: String, reason: String,
      actingUserId: String? = nil, idempotency: Idempotency, text: FreeText = FreeText()
    ) {
      self.transaction = transaction
      self.amountMicros = amountMicros
      self.actor = actor
      self.reason = reason
      self.actingUserId = actingUserId
      self.idempotency = idempotency
      self.text = text
    }
  }

  /// Forgives what a user owes.
  public struct ForgiveOwed: Sendable, Equatable {
    public var userId: String
    /// nil is all that is owed.
    public var amountMicros: Int64?
    public var actor: String
    public var reason: String
    public var idempotency: Idempotency
    public var text: FreeText

    public init(
      userId: String, amountMicros: Int64? = nil, actor: String, reason: String, idempotency: Idempotency,
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
}
