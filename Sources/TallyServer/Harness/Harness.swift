// What only a server for testing has: a clock that tests drive, injected failures, and snapshots.
//
// Invariants:
// 1. It is made with `testing` only. A server without it has no hooks in its store, no filter at its socket
//    and no wrapped handlers.

internal import Dispatch
internal import TTRPC
internal import TallyCore
internal import TallyMessages

final class Harness: Sendable {
  let clock: TestClock
  let failures = Failures()
  let snapshots: Snapshots
  /// The queue of methods that wait for the writer.
  let lane = DispatchQueue(label: "tally.harness")

  init() {
    clock = TestClock()
    snapshots = Snapshots(clock: clock)
  }

  /// Gives the engine the clock and the failures; faults that it has already come after these.
  func prepare(_ engine: inout EngineConfiguration) {
    engine.clock = clock
    let failures = failures
    let (before, after) = (engine.faults.beforeCommit, engine.faults.afterCommit)
    engine.faults.beforeCommit = { cause throws(StoreFault) in
      try before?(cause)
      try failures.beforeCommit(cause)
    }
    engine.faults.afterCommit = { cause throws(StoreFault) in
      try after?(cause)
      try failures.afterCommit()
    }
  }

  /// The handlers with injected failures. Those of TestControl never fail.
  func wrap(_ service: String, _ bindings: [Binding]) -> [Binding] {
    if service == TallystickTestingV1.TestControl.name { return bindings }
    return bindings.map { (name, handler) in (name, failures.wrap("\(service)/\(name)", handler)) }
  }

  /// Ends all delays and failures for good.
  func close() { failures.close() }
}
