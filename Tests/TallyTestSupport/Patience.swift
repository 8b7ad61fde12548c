// How long a test waits for what must happen: the one limit of real time that tests have.
//
// Invariants:
// 1. It says nothing about speed. Whoever gets to its end waits for what does not come.

public import Testing

/// The time within which whatever a test waits for must happen, on however busy a machine. Where time itself
/// is what a test is about, the test drives the clock.
public enum Patience {
  public static let seconds = 300

  public static let duration: Duration = .seconds(seconds)
  public static let milliseconds = Int32(seconds) * 1_000
  public static let nanoseconds = UInt64(seconds) * 1_000_000_000

  /// A limit that is to pass, and whose end is all that the test waits for: however late the machine is, the
  /// outcome is the same.
  public static let soon: Duration = .milliseconds(20)

  /// Between two looks at what is waited for.
  public static let pause: Duration = .milliseconds(2)
}

/// Waits until `condition` holds.
public func eventually(
  _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () async throws -> Bool
) async throws {
  let start = ContinuousClock.now
  while try await !condition() {
    try #require(
      start.duration(to: .now) < Patience.duration, "waited \(Patience.seconds) seconds for: \(what)",
      sourceLocation: sourceLocation)
    try await Task.sleep(for: Patience.pause)
  }
}
