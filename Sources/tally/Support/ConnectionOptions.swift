// How to reach the server.

internal import ArgumentParser
internal import TallyClient

/// How to reach the server.
struct ConnectionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The server's socket (TALLY_SOCKET, else where tally serve makes it).", valueName: "path"),
    completion: .file())
  var socket: String?

  @Option(help: ArgumentHelp("Narrow the call to this user's rows.", valueName: "user"))
  var actingUser: String?

  @Option(help: ArgumentHelp("Give up after so many seconds, with exit status 124.", valueName: "seconds"))
  var timeout: Int?

  /// The options that may also stand before the subcommand, such as in `tally --socket PATH credits list`.
  static let names = ["--socket", "--acting-user", "--timeout"]
  /// Of calls that are given none, as well.
  static let longestTimeoutSeconds = 86_400

  func validate() throws {
    if let timeout, !(1...Self.longestTimeoutSeconds).contains(timeout) {
      throw ValidationError("--timeout takes 1 to 86400 seconds")
    }
  }

  var client: TallyClient {
    TallyClient(
      socket: socket,
      defaults: CallOptions(
        actingUserId: actingUser, timeout: .seconds(timeout ?? Self.longestTimeoutSeconds), retry: .never))
  }
}
