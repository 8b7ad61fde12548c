// A progress line on a terminal, redrawn in place.
//
// Invariants:
// 1. Nothing is written if standard error is not a terminal.
//
// Owner: the command's main thread.

struct ProgressBar {
  private static let widthInCells: Int64 = 24
  private static let refreshNanoseconds: UInt64 = 50_000_000

  private let isShown: Bool
  private var isDrawn = false
  private var lastNanoseconds: UInt64 = 0

  init(isShown: Bool = System.errorIsTerminal) {
    self.isShown = isShown
  }

  /// - Parameter total: zero when it is not known.
  mutating func show(_ title: String, done: Int64, total: Int64) {
    let now = System.monotonicNanoseconds
    guard isShown, !isDrawn || now &- lastNanoseconds >= Self.refreshNanoseconds else { return }
    lastNanoseconds = now
    isDrawn = true
    let columns = max(20, System.terminalColumns)
    System.writeError("\r\u{1B}[K" + Self.line(title, done: done, total: total).prefix(columns - 1))
  }

  mutating func clear() {
    guard isDrawn else { return }
    isDrawn = false
    System.writeError("\r\u{1B}[K")
  }

  static func line(_ title: String, done: Int64, total: Int64) -> String {
    guard total > 0 else { return "\(Dollars.grouped(done.magnitude)) \(title)" }
    let part = min(max(done, 0), total)
    let filled = Int(Double(part) / Double(total) * Double(widthInCells))
    let bar =
      String(repeating: "#", count: filled) + String(repeating: ".", count: Int(widthInCells) - filled)
    return "[\(bar)] \(Int(Double(part) / Double(total) * 100))% \(title)"
  }
}
