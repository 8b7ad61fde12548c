// Reads single keys from the terminal, without waiting for the end of a line.
//
// Invariants:
// 1. `end` restores the terminal. Whoever creates a keyboard has to call it, also if a signal ends the
//    program.
//
// Owner: the command's main thread.

internal import CTallyProcess
internal import Glibc

struct Keyboard {
  static let quit = UInt8(ascii: "q")

  /// nil if standard input is not a terminal.
  init?() {
    guard cprocess_is_terminal(STDIN_FILENO) == 1, cprocess_keys_begin(STDIN_FILENO) == 0 else { return nil }
  }

  /// Any thread.
  static func end() { cprocess_keys_end(STDIN_FILENO) }

  /// Waits for a key, but no longer than this.
  func key(within milliseconds: Int32) -> UInt8? {
    let input = STDIN_FILENO
    guard unsafe withUnsafePointer(to: input, { unsafe cprocess_wait($0, 1, milliseconds) }) == 0 else {
      return nil
    }
    var byte: UInt8 = 0
    // A terminal that is gone has no keys any more.
    return unsafe cprocess_read(STDIN_FILENO, &byte, 1) == 1 ? byte : Self.quit
  }
}
