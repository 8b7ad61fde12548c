// What an administrator may ask of alert rules: one value a method.

public enum AlertCommand {
  /// Makes a rule or replaces it; makes the user that it names. Times in it are not looked at.
  public struct PutRule: Sendable, Equatable {
    public var rule: AlertRule

    public init(_ rule: AlertRule) { self.rule = rule }
  }

  public struct DeleteRule: Sendable, Equatable {
    public var id: String

    public init(id: String) { self.id = id }
  }
}

public struct AlertRuleReceipt: Sendable, Equatable {
  /// nil: it was deleted.
  public var rule: AlertRule?
  /// It was so already.
  public var unchanged: Bool
  public var commit: CommitPoint

  public init(rule: AlertRule?, unchanged: Bool, commit: CommitPoint) {
    self.rule = rule
    self.unchanged = unchanged
    self.commit = commit
  }
}
