// Waiting on a thread that a test owns, for tests whose callers block.

internal import Glibc
public import Testing

/// Waits until another thread has brought `condition` about.
public func waitUntil(
  _ what: String = "another thread brings it about", sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () throws -> Bool
) throws {
  let start = ContinuousClock.now
  while try !condition() {
    try #require(
      start.duration(to: .now) < Patience.duration, "waited \(Patience.seconds) seconds for: \(what)",
      sourceLocation: sourceLocation)
    usleep(1_000)
  }
}
