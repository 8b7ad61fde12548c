// How to reach the server.

internal import ArgumentParser
internal import TallyClient

/// How to reach the server.
struct ConnectionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The server's socket. (default: TALLY_SOCKET, else where 'tally serve' makes it)", valueName: "path"),
    completion: .file())
  var socket: String?

  @Option(help: ArgumentHelp("Act for this user: the call sees only this user's rows.", valueName: "user"))
  var actingUser: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Give up after this many seconds, with exit status 124.", valueName: "seconds"))
  var timeout: Int?

  /// The options that may also come before the subcommand, as in `tally --socket PATH credits list`.
  static let names = ["--socket", "--acting-user", "--timeout"]
  /// Also the timeout of calls that are given none.
  static let longestTimeoutSeconds = 86_400

  func validate() throws {
    if let timeout, !(1...Self.longestTimeoutSeconds).contains(timeout) {
      throw ValidationError("--timeout must be 1 to 86400 seconds, not \(timeout)")
    }
  }

  var client: TallyClient {
    TallyClient(
      socket: socket,
      defaults: CallOptions(
        actingUserId: actingUser, timeout: .seconds(timeout ?? Self.longestTimeoutSeconds), retry: .never))
  }
}
