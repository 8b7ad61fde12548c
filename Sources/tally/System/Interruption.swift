// Control-C, or being told to end, while something is under way: it is put in order before the program ends.
//
// Invariants:
// 1. Once `end` has been called, the signals end the program as they do everywhere.
// 2. A signal that whoever started the program has it ignore stays ignored.
//
// Owner: whoever made it; the signals arrive on a queue of Dispatch's.

internal import CTallyProcess
internal import Dispatch
internal import Glibc

struct Interruption {
  private static let signals = [SIGINT, SIGTERM]

  private let sources: [(Int32, any DispatchSourceSignal)]

  /// - Parameter action: what to do before the end.
  init(_ action: @escaping @Sendable () -> Void) {
    // A source sees a signal beside what it does otherwise, which is to end the process at once.
    sources = Self.signals.filter { cprocess_signal_defer($0) == 1 }.map { number in
      let source = DispatchSource.makeSignalSource(signal: number)
      source.setEventHandler {
        action()
        // As a shell tells it.
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
