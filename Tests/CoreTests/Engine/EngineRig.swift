// An engine under test and the clock that drives it: what every test of the seam is written against.
//
// Values, owned by the test that made them.

import Dispatch
import TallyCore
import TallyLocking
internal import TallySQLiteStore

/// An engine that tests may restart, and whose time they set.
protocol EngineRig: AnyObject, Sendable {
  var engine: any Engine { get }
  /// Stops the engine's clock at a time.
  func setTime(micros: Int64)
  /// Stops the engine cleanly and starts it on what it has stored.
  func restart() throws
}

extension Engine {
  /// Carries out one command and waits for what became of it.
  func apply(_ command: Command) -> Outcome {
    apply([command]).first ?? .refused(Refusal(.cancelled, "no outcome came back"))
  }

  /// Carries out the commands of one call and waits for what became of them.
  func apply(_ commands: [Command]) -> [Outcome] {
    let done = DispatchSemaphore(value: 0)
    let outcomes = Lock<[Outcome]>([])
    let submission = Submission(
      commands: commands, userId: "", deadlineNanoseconds: nil, byteCount: 256 * commands.count)
    submit(submission, group: nil) { result in
      outcomes.withLock { $0 = result }
      done.signal()
    }
    done.wait()
    return outcomes.withLock { $0 }
  }
}
