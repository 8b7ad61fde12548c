// How results are printed, and how failures are reported.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages
internal import TallyProtoJSON

/// How results are printed.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print the reply as JSON.")
  var json = false

  @Flag(help: "Print every column, even if it does not fit on the terminal.")
  var wide = false

  /// The width that tables have to fit into; nil prints them whole.
  var columns: Int? {
    let columns = System.outputIsTerminal && !wide ? System.outputColumns : 0
    return columns > 0 ? columns : nil
  }

  /// Reports a failed call on standard error, and returns the status to end with.
  /// - Parameter request: what was asked, where the next step depends on it.
  func report(_ error: TallyError, to request: (any Message)? = nil) -> ExitCode {
    System.writeError(
      json ? "\(error.json(to: request).pretty)\n" : "tally: \(error.text(to: request))\n")
    return error.exitStatus.code
  }

  /// Prints what is for people, as wide as the terminal.
  func print(_ text: () -> String) {
    System.writeOutput(Layout.$columns.withValue(columns, operation: text))
  }
}
