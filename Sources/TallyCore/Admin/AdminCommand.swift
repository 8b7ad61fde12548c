// What an administrator may ask of users and limits.
//
// Values, owned by nobody.

/// One mutation of settings or limits.
public enum AdminCommand: Sendable, Equatable {
  /// Replaces a user's settings; makes the user when it is not known. Times in it are not looked at.
  case putSettings(UserSettings)
  /// Sets a limit; a rate of zero takes it away.
  case setRateLimit(RateLimit)
}

/// What became of one that was applied.
public enum AdminOutcome: Sendable, Equatable {
  case settingsStored(UserSettings, unchanged: Bool, commit: CommitPoint)
  case rateLimitSet(RateLimit, commit: CommitPoint)
}
