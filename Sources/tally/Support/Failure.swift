// What a command ends with when it fails.

/// Ends the program with a status and a message on standard error.
struct Failure: Error {
  var status: ExitStatus
  var message: String

  init(_ status: ExitStatus, _ message: String) {
    self.status = status
    self.message = message
  }
}
