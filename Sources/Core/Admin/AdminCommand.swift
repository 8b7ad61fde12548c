// What an administrator may ask of users and limits.
//
// Values, owned by nobody.

/// One mutation of settings or limits.
public enum AdminCommand: Sendable, Equatable {}

/// What became of one that was applied.
public enum AdminOutcome: Sendable, Equatable {}
