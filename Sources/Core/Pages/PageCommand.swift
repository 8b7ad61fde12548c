// What a caller may ask of pages and media.
//
// Values, owned by nobody.

/// One mutation of pages or media.
public enum PageCommand: Sendable, Equatable {}

/// What became of one that was applied.
public enum PageOutcome: Sendable, Equatable {}
