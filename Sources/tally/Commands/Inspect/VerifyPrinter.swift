// Prints the checks of `tally verify` as they end.

internal import TallyCore

/// Prints checks as they end, and a bar while they go on.
struct VerifyPrinter {
  let isJSON: Bool
  private var bar = ProgressBar()
  private(set) var violations: Int64 = 0
  private(set) var checkCount = 0

  init(isJSON: Bool) {
    self.isJSON = isJSON
  }

  mutating func add(_ part: VerifyPart) {
    guard part.isDone else {
      return bar.show(part.title, done: part.examined, total: part.total)
    }
    bar.clear()
    checkCount += 1
    violations = violations.addingSaturating(part.violations)
    System.writeOutput(isJSON ? part.json.compact + "\n" : part.text)
  }

  mutating func finish() { bar.clear() }
}
