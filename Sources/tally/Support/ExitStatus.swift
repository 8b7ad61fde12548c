// How the program ends. docs/OPERATIONS.md lists these; scripts may rely on them.

/// After sysexits.h where it has a word for the case.
enum ExitStatus: Int32 {
  case success = 0
  /// The server refused the call, or `tally verify` found a violation.
  case refused = 1
  /// Unknown flags or malformed values.
  case usage = 64
  /// JSON that does not fit the method's request, from an argument, standard input or a file.
  case malformedInput = 65
  /// A file to read does not exist.
  case noInput = 66
  /// There is no server at the socket, or the connection was lost; the call may have been applied.
  case unavailable = 69
  /// A bug in the program.
  case software = 70
  /// Another error of the operating system; starting again may help.
  case system = 71
  /// The socket or the database cannot be created.
  case cannotCreate = 73
  /// The database or its log is damaged or missing, or would not sync commits: starting again does not help.
  case damaged = 74
  /// Another daemon is using the database.
  case busy = 75
  /// The configuration file, or a variable of the environment, is wrong.
  case configuration = 78
  /// The --timeout has passed; the same status as of timeout(1). The call may have been applied.
  case timedOut = 124
  /// A commit or a sync failed so that it is not known what the disk holds, or SQLite could not release a
  /// lock: start again at once, and recovery will find out.
  case outcomeUnknown = 80
}
