// What every subcommand that talks to a server shares: its options, its waiting, its failures.
//
// Owner: the command's main thread; calls run in a task that it waits for.

internal import ArgumentParser
internal import Dispatch
internal import Glibc
internal import TTRPC
internal import TallyClient
internal import TallyLocking
internal import TallyMessages
internal import TallyProtoJSON

/// How to reach the server.
struct ConnectionOptions: ParsableArguments {
  @Option(help: "The server's socket (TALLY_SOCKET, else where tally serve makes it).")
  var socket: String?

  @Option(help: ArgumentHelp("Narrow the call to this user's rows.", valueName: "user"))
  var actingUser: String?

  @Option(help: ArgumentHelp("Give up after so many seconds.", valueName: "seconds"))
  var timeout: Int?

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

extension TallyError {
  var exitStatus: ExitStatus {
    reason == "NOT_CONNECTED" || reason == "CONNECTION_LOST" ? .unavailable : .refused
  }

  /// As programs read it.
  var json: JSON {
    .object([
      .init("code", .string(code.wireName)),
      .init("reason", .string(reason)),
      .init("message", .string(message)),
      .init("details", .object(details.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) })),
      .init("outcome", .string(outcome == .unknown ? "UNKNOWN" : "NOT_APPLIED")),
    ])
  }

  /// As people read it: amounts in dollars; without the place in the ledger, which says nothing to them.
  /// - Parameter request: what was asked, where the next step depends on it.
  func text(to request: (any Message)? = nil) -> String {
    let told = details.filter { !$0.value.isEmpty && !Self.places.contains($0.key) }
    let pairs = told.sorted { $0.key < $1.key }.map { key, value in
      guard key.hasSuffix("_micros"), let micros = Int64(value) else {
        return "\(key) \(value.split(separator: "\n").joined(separator: " "))"
      }
      let isTime = key.hasSuffix("_at_micros") || Self.times.contains(key)
      return "\(key.dropLast("_micros".count)) \(isTime ? Timestamp.format(micros) : Dollars.format(micros))"
    }
    let rest = pairs.isEmpty ? "" : " (\(pairs.joined(separator: ", ")))"
    let name = reason.isEmpty ? code.wireName : reason
    return JSON.plain("\(name): \(message)\(rest)\(advice(on: request).map { "; \($0)" } ?? "")")
  }

  private static let places: Set<String> = ["commit_sequence", "commit_position"]

  private static let times: Set<String> = ["oldest_micros", "newest_micros"]

  /// What to do next, where there is something.
  private func advice(on request: (any Message)?) -> String? {
    if outcome == .unknown { return "it may have been applied: try again with the same key to find out" }
    return switch reason {
    case "NOT_CONNECTED" where message.hasSuffix("\(TTRPC.SystemError(number: EACCES, operation: ""))"):
      "only the socket's owner and group may connect, as its mode says: 'ls -l' shows them"
    case "NOT_CONNECTED": "start one with 'tally serve', or name its socket with --socket"
    case "PEER_NOT_ALLOWED": "'tally serve --allow-uid' lets another user in"
    case "INSUFFICIENT_CREDITS" where request is TallystickV1.AdjustRequest:
      "an adjustment takes no more than is available"
    case "INSUFFICIENT_CREDITS": "add credit with 'tally credits purchase'"
    case "QUOTA_EXCEEDED": "see 'tally usage month', or raise the limit with 'tally plans put'"
    case "RUN_CONFLICT": "see 'tally usage show'; another run takes another id"
    case "VERSION_CONFLICT":
      "look at it with 'tally pages show \(Self.page(of: request)) --input' and make the change anew"
    case "IDEMPOTENCY_MISMATCH" where details["page_id"] != nil || details["media_id"] != nil:
      "choose another id"
    case "HOLD_NOT_FOUND":
      "\(Self.unknownHold(of: request, details))'tally credits holds' lists a user's"
    case "TRANSACTION_NOT_FOUND": "a transaction's id is like txn-17; 'tally credits list' lists a user's"
    case "MEDIA_IN_USE": "--detach takes it out of those pages"
    case "GRANT_NOT_FOUND": "'tally plans list' shows the plans there are"
    case "RATE_LIMITED": "'tally users limits' shows the limits on calls"
    default: nil
    }
  }
}

extension TallyError {
  /// The page that a request changes.
  private static func page(of request: (any Message)?) -> String {
    switch request {
    case let save as TallystickV1.SavePageRequest: save.pageId
    case let patch as TallystickV1.PatchPageRequest: patch.pageId
    case let restore as TallystickV1.RestoreVersionRequest: restore.pageId
    default: "PAGE"
    }
  }

  /// The hold that a request names, where the server knew it for no hold's id.
  private static func unknownHold(of request: (any Message)?, _ details: [String: String]) -> String {
    let id: String? =
      switch request {
      case let capture as TallystickV1.CaptureRequest: capture.holdId
      case let release as TallystickV1.ReleaseRequest: release.holdId
      case let extend as TallystickV1.ExtendRequest: extend.holdId
      default: nil
      }
    guard let id, details["hold_id"] == nil else { return "" }
    return "\(id) is no hold's id, which is like hold-17; "
  }
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
