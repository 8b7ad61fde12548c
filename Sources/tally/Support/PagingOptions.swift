// Which rows of a long list are printed.

internal import ArgumentParser

/// Which rows of a long list.
struct PagingOptions: ParsableArguments {
  @Option(help: "1 to 1000 rows.")
  var limit: Int32 = 100

  @Option(help: "Where the page before ended.")
  var cursor = ""
}
