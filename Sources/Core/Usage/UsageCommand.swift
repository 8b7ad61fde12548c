// What a caller may ask of runs.
//
// Values, owned by nobody.

/// One mutation of runs.
public enum UsageCommand: Sendable, Equatable {}

/// What became of one that was applied.
public enum UsageOutcome: Sendable, Equatable {}
