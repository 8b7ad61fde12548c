// Which rows of a long list are printed.

internal import ArgumentParser

/// Which rows of a long list.
struct PagingOptions: ParsableArguments {
  @Option(parsing: .unconditional, help: "The most rows to list: 1 to 1000.")
  var limit: Int32 = 100

  @Option(help: "Go on where an earlier list ended: the cursor that it printed.")
  var cursor = ""

  func validate() throws {
    if !(1...1_000).contains(limit) { throw ValidationError("--limit must be 1 to 1000, not \(limit)") }
  }
}
