// What a test does to its server's data, and how it makes calls fail.
//
// Invariants:
// 1. It uses a connection of its own, which no injected failure closes.
//
// Any thread may use it.

public import TallyClient
public import TallyMessages

extension TallyFixture {
  private typealias Control = TallystickTestingV1.TestControl

  /// Applies a fixture file, as docs/TESTING.md describes it; the same file again changes nothing.
  /// - Returns: how many items were applied.
  /// - Throws: the reason of the item that was refused; its detail `field` says where it stands.
  @discardableResult
  public func loadFixtures(_ json: String) async throws(TallyError) -> Int {
    var request = TallystickTestingV1.LoadFixturesRequest()
    request.json = json
    return Int(try await control.call(Control.loadFixtures, request).applied)
  }

  /// Keeps a copy of the database and the clock under a name.
  public func saveSnapshot(_ name: String) async throws(TallyError) {
    var request = TallystickTestingV1.SaveSnapshotRequest()
    request.name = name
    _ = try await control.call(Control.saveSnapshot, request)
  }

  /// Puts the database and the clock back to what they were, and clears the failures.
  public func restoreSnapshot(_ name: String) async throws(TallyError) {
    var request = TallystickTestingV1.RestoreSnapshotRequest()
    request.name = name
    _ = try await control.call(Control.restoreSnapshot, request)
  }

  /// Makes later calls, connections or commits fail.
  ///
  ///     try await tally.inject(.dropAfter) { $0.method = "CreditService/Consume" }
  ///
  /// - Returns: the failure's id.
  @discardableResult
  public func inject(
    _ action: TallystickTestingV1.FailureAction,
    _ fill: (inout TallystickTestingV1.Failure) -> Void = { _ in }
  ) async throws(TallyError) -> Int64 {
    var failure = TallystickTestingV1.Failure()
    failure.action = action
    fill(&failure)
    var request = TallystickTestingV1.InjectFailureRequest()
    request.failure = failure
    return try await control.call(Control.injectFailure, request).failureId
  }

  /// The failures that were injected, in order, and how often each has happened.
  public func failures() async throws(TallyError) -> [TallystickTestingV1.InjectedFailure] {
    try await control.call(Control.listFailures, TallystickTestingV1.ListFailuresRequest()).failures
  }

  /// Removes the failures; calls that they delay go on.
  public func clearFailures() async throws(TallyError) {
    _ = try await control.call(Control.clearFailures, TallystickTestingV1.ClearFailuresRequest())
  }
}
