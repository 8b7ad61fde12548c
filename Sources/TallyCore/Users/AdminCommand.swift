// What an administrator may ask of users and limits: one value a method.

/// Mutations of settings and limits.
public enum AdminCommand {
  /// Replaces a user's settings; makes the user when it is not known. Times in it are not looked at.
  public struct PutSettings: Sendable, Equatable {
    public var settings: UserSettings

    public init(_ settings: UserSettings) { self.settings = settings }
  }

  /// Sets a limit; a rate of zero takes it away.
  public struct SetRateLimit: Sendable, Equatable {
    public var limit: RateLimit

    public init(_ limit: RateLimit) { self.limit = limit }
  }
}

public struct SettingsReceipt: Sendable, Equatable {
  public var settings: UserSettings
  /// They had this content already.
  public var unchanged: Bool
  public var commit: CommitPoint

  public init(settings: UserSettings, unchanged: Bool, commit: CommitPoint) {
    self.settings = settings
    self.unchanged = unchanged
    self.commit = commit
  }
}

public struct RateLimitReceipt: Sendable, Equatable {
  public var limit: RateLimit
  public var commit: CommitPoint

  public init(limit: RateLimit, commit: CommitPoint) {
    self.limit = limit
    self.commit = commit
  }
}
