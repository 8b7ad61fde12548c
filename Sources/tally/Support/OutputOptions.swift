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

  @Flag(help: "Print whole tables on a terminal, however wide. A pipe or a file gets them whole anyway.")
  var wide = false

  /// Into which tables are to fit; nil prints them whole.
  var columns: Int? {
    let columns = System.outputIsTerminal && !wide ? System.outputColumns : 0
    return columns > 0 ? columns : nil
  }

  /// Says on standard error how a call failed; what to end with.
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

  /// Says on standard error that a list is empty: it is no failure, but may be a name that is misspelt.
  func note(empty: Bool, _ text: @autoclosure () -> String) {
    if empty, !json { System.writeError("tally: \(JSON.plain(text()))\n") }
  }
}
