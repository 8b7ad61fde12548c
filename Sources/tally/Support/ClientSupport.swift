// What every subcommand that talks to a server shares: its options, its waiting, its failures.
//
// Owner: the command's main thread; calls run in a task that it waits for.

internal import ArgumentParser
internal import Dispatch
internal import TTRPC
internal import TallyClient
internal import TallyLocking
internal import TallyMessages
internal import TallyProtoJSON

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

/// A subcommand whose work waits for a server.
protocol ClientCommand: ParsableCommand, Sendable {
  func perform() async throws
}

extension ClientCommand {
  func run() throws {
    try waitFor { try await self.perform() }
  }
}

/// Runs a task to its end on the calling thread's behalf.
func waitFor<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) throws -> Value {
  let done = DispatchSemaphore(value: 0)
  let result = Lock<Result<Value, any Error>?>(nil)
  Task {
    let outcome: Result<Value, any Error>
    do { outcome = .success(try await work()) } catch { outcome = .failure(error) }
    result.withLock { $0 = outcome }
    done.signal()
  }
  done.wait()
  guard let outcome = result.withLock({ $0 }) else {
    throw Failure(.software, "a task ended without a result")
  }
  return try outcome.get()
}

/// A message as proto3 JSON, by the descriptors that the program carries.
func json<Value: Message>(_ message: Value) throws -> JSON {
  let pool = try DescriptorPool.embedded()
  return try MessageDecoder(pool: pool, writesDefaults: true).decode(message.encode(), as: Value.fullName)
}

extension DescriptorPool {
  /// What the program carries.
  static func embedded() throws(WireError) -> DescriptorPool {
    var pool = DescriptorPool()
    for file in EmbeddedDescriptors.fileDescriptors { try pool.add(file: file.serialized) }
    return pool
  }
}
