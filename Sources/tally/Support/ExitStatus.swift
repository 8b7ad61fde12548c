// How the program ends. docs/OPERATIONS.md lists these; scripts may rely on them.
//
// Values, owned by nobody.

internal import ArgumentParser

/// After sysexits.h where it has a word for the case.
enum ExitStatus: Int32 {
  case success = 0
  /// The server refused the call, or `tally verify` found a violation.
  case refused = 1
  /// Unknown flags or malformed values.
  case usage = 64
  /// JSON that does not fit the method's request, from an argument, standard input or a file.
  case malformedInput = 65
  /// A file that is to be read is not there.
  case noInput = 66
  /// No server answers at the socket, or it went away during the call, which may have been applied.
  case unavailable = 69
  /// A fault of the program.
  case software = 70
  /// The operating system refused something that has no status of its own; starting again may help.
  case system = 71
  /// The socket or the database cannot be made.
  case cannotCreate = 73
  /// The database or its log is damaged, or does not sync every commit: starting again does not help.
  case damaged = 74
  /// Another daemon serves the database: try again when it has ended.
  case busy = 75
  /// The configuration file, or a variable of the environment, is wrong.
  case configuration = 78
  /// The time that --timeout gave has passed, as timeout(1) tells it. The call may have been applied.
  case timedOut = 124
  /// A commit or a sync failed in a way that leaves open what the disk holds, or SQLite is locked out: start
  /// again at once, recovery decides.
  case outcomeUnknown = 80

  var code: ExitCode { ExitCode(rawValue) }
}

/// An end with something to say on standard error.
struct Failure: Error {
  var status: ExitStatus
  var message: String

  init(_ status: ExitStatus, _ message: String) {
    self.status = status
    self.message = message
  }
}
