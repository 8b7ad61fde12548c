// Why a benchmark ended without a figure.

/// A benchmark that went wrong. No figure of it is printed.
struct BenchError: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) {
    self.description = description
  }

  /// With the text of `errno`.
  init(system what: String) {
    self.init("\(what): \(SystemCall.errorText())")
  }
}
