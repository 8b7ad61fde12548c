// What the caller of a command that moves credit gets.

/// What the caller of a command that was applied gets.
public struct Receipt: Sendable, Equatable {
  public var transaction: Entry
  public var balance: Balance
  /// The hold that the command made or changed: as it stood right after, but as it is now when replayed.
  public var hold: Hold?
  /// The command had been applied before; transaction and balance are those of then.
  public var replayed: Bool

  public init(transaction: Entry, balance: Balance, hold: Hold? = nil, replayed: Bool = false) {
    self.transaction = transaction
    self.balance = balance
    self.hold = hold
    self.replayed = replayed
  }
}
