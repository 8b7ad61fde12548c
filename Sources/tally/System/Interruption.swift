// Runs an action before Control-C or SIGTERM ends the program.
//
// Invariants:
// 1. After `end`, the signals have their usual effect again.
// 2. A signal that was ignored when the program started stays ignored.
//
// Owner: whoever made it; the signals arrive on a queue of Dispatch's.

internal import CTallyProcess
internal import Dispatch
internal import Glibc

struct Interruption {
  private static let signals = [SIGINT, SIGTERM]

  private let sources: [(Int32, any DispatchSourceSignal)]

  /// - Parameter action: runs before the program ends.
  init(_ action: @escaping @Sendable () -> Void) {
    // The default action would end the process before the source sees the signal.
    sources = Self.signals.filter { cprocess_signal_defer($0) == 1 }.map { number in
      let source = DispatchSource.makeSignalSource(signal: number)
      source.setEventHandler {
        action()
        // The status that a shell gives for a signal.
        System.endAtOnce(128 + number)
      }
      source.activate()
      return (number, source)
    }
  }

  func end() {
    for (number, source) in sources {
      source.cancel()
      signal(number, SIG_DFL)
    }
  }
}
