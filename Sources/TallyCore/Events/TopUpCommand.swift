// What may be asked of top-ups: one value a method.

public enum TopUpCommand {
  /// Makes a setting or replaces it; makes its user. What the server keeps up of it is not looked at.
  public struct Put: Sendable, Equatable {
    public var topUp: TopUp

    public init(_ topUp: TopUp) { self.topUp = topUp }
  }

  /// Leases the intent that has been due for longest.
  public struct Take: Sendable, Equatable {
    public var worker: String
    public var leaseMillis: Int64

    public init(worker: String, leaseMillis: Int64) {
      self.worker = worker
      self.leaseMillis = leaseMillis
    }
  }

  /// Gives a leased intent back.
  public struct Fail: Sendable, Equatable {
    public var intentId: Int64
    public var worker: String
    public var message: String
    public var actingUserId: String?

    public init(intentId: Int64, worker: String, message: String, actingUserId: String? = nil) {
      self.intentId = intentId
      self.worker = worker
      self.message = message
      self.actingUserId = actingUserId
    }
  }

  public struct Cancel: Sendable, Equatable {
    public var intentId: Int64

    public init(intentId: Int64) { self.intentId = intentId }
  }
}

public struct TopUpReceipt: Sendable, Equatable {
  public var topUp: TopUp
  /// It was so already.
  public var unchanged: Bool
  public var commit: CommitPoint

  public init(topUp: TopUp, unchanged: Bool, commit: CommitPoint) {
    self.topUp = topUp
    self.unchanged = unchanged
    self.commit = commit
  }
}

public struct TopUpIntentReceipt: Sendable, Equatable {
  /// nil: none is due.
  public var intent: TopUpIntent?
  /// It was so already.
  public var unchanged: Bool
  public var commit: CommitPoint

  public init(intent: TopUpIntent?, unchanged: Bool, commit: CommitPoint) {
    self.intent = intent
    self.unchanged = unchanged
    self.commit = commit
  }
}
