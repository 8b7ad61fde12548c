// What only a server for testing has: a clock that tests drive, failures that they ask for, snapshots.
//
// Invariants:
// 1. Made with `testing` only. Whatever the harness can do hangs on this value: a server without it has no
//    hook in its store, no filter at its socket and no handler but its own.
//
// Owner: the server; its parts guard themselves.

internal import Dispatch
internal import TTRPC
internal import TallyCore
internal import TallyMessages

final class Harness: Sendable {
  let clock: TestClock
  let failures = Failures()
  let snapshots: Snapshots
  /// Where what waits for the writer does so.
  let lane = DispatchQueue(label: "tally.harness")

  init() {
    clock = TestClock()
    snapshots = Snapshots(clock: clock)
  }

  /// Puts the clock and the failures into the engine, in front of whatever faults it has already.
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

  /// Puts the failures in front of a service's methods. TestControl is left alone.
  func wrap(_ service: String, _ bindings: [Binding]) -> [Binding] {
    if service == TallystickTestingV1.TestControl.name { return bindings }
    return bindings.map { (name, handler) in (name, failures.wrap("\(service)/\(name)", handler)) }
  }

  /// Lets go of whatever is delayed, now and from now on.
  func close() { failures.close() }
}
