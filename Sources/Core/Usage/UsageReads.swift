// What an engine answers about what was used.
//
// Owner: the engine.

public protocol UsageReads: Sendable {
  /// Time zones by name.
  var zones: ZoneStore { get }
}
