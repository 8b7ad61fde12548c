// What an administrator may ask of users and limits: one value a method.

/// Mutations of settings and limits.
public enum AdminCommand {
  /// Replaces a user's settings; makes the user when it is not known. Times in it are not looked at.
  public struct PutSettings: Sendable, Equatable {
    /// What callers that do not know of it leave as it is stored.
    public struct Kept: OptionSet, Sendable {
      public let rawValue: Int

      public init(rawValue: Int) { self.rawValue = rawValue }

      public static let state = Kept(rawValue: 1)
      public static let subscription = Kept(rawValue: 2)
    }

    public var settings: UserSettings
    /// What of `settings` is not looked at.
    public var kept: Kept

    public init(_ settings: UserSettings, keeping kept: Kept = []) {
      self.settings = settings
      self.kept = kept
    }

    /// The settings as they are to be stored.
    func settings(over stored: UserSettings?) -> UserSettings {
      var settings = settings
      if kept.contains(.state) { settings.isSuspended = stored?.isSuspended ?? false }
      if kept.contains(.subscription) { settings.subscription = stored?.subscription }
      return settings
    }
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
