// Whether a user may spend, as advice: what is there, and what stands in the way whatever is there.

/// What a user has, and why nothing of it may be consumed or set aside, if so.
public struct Spending: Sendable, Equatable {
  public var balance: Balance
  /// nil: nothing but the balance stands in the way.
  public var objection: Refusal?
  /// Why what was asked for does not fit into a cap, if so.
  public var capRefusal: Refusal?

  public init(balance: Balance, objection: Refusal? = nil) {
    self.balance = balance
    self.objection = objection
  }
}

extension Spending {
  /// Why a user may neither consume nor set credit aside, whatever there is.
  /// - Parameters:
  ///   - owedMicros: once all that is due is settled.
  ///   - blocksOwing: whether the user's plan lets nobody spend who owes.
  package static func objection(isSuspended: Bool, owedMicros: Int64, blocksOwing: Bool) -> Refusal? {
    if isSuspended { return Refusal(.userSuspended, "the user is suspended") }
    guard blocksOwing, owedMicros > 0 else { return nil }
    return Refusal(
      .paymentDue, "the user has to pay what is owed first", details: ["owed_micros": String(owedMicros)])
  }
}

extension Account {
  /// Whether somebody has to look whether there is an objection; with most users there is not.
  package var mayHaveObjection: Bool { isSuspended || !owed.isEmpty }
}
