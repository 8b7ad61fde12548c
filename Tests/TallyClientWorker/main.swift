// A program that makes calls by the Swift client as it is told to: how the conformance suite of all clients,
// which stands in Python, carries out its scenarios through this one.
//
// It reads commands from standard input, one JSON object a line, carries them out at once, and writes what
// came of each, in any order, with the command's `id`. `docs/CLIENTS.md` says where the suite is.
//
// | `do` | members | answer |
// |---|---|---|
// | `client` | `name`, `socket`, `timeoutMillis`, `retryMillis` | `reply` |
// | `unary`, `open` | `client`, `method`, `payload`, `as`, `metadata`, `timeoutMillis` | `reply` |
// | `watch` | the same without a time-out: a stream of rows | `reply`, once it has begun |
// | `requests` | the same with `payloads` | `reply` |
// | `send` | `stream` (the id of its `open` or `watch`), `payloads` | `reply` |
// | `finish`, `leave` | `stream` | `reply` |
// | `next` | `stream` | `reply`, or `end` |
// | `cancel` | `of`: a command's id | `reply` |
// | `block` | `client`, `kind`, `payload` | `begun`; after `settle`, `reply` or `raised` |
// | `settle` | `of`, `by`, `payload`, `raise` | `reply` |
//
// Messages are encoded, in base64. A call that fails answers `error`.

import Glibc
import TallyClient
import TallyLocking
import TallyProtoJSON

/// A command that makes no sense; the suite shows it.
struct Nonsense: Error { var text: String }

/// What leaves a block when the scenario says so.
struct Raised: Error, CustomStringConvertible { var description: String }

struct Command: Sendable {
  let json: JSON

  var id: String { text("id") }
  var method: String { text("method") }

  func text(_ name: String) -> String {
    switch json[name] {
    case .string(let text), .number(let text): text
    default: ""
    }
  }

  func millis(_ name: String) -> Duration? { Int64(text(name)).map { .milliseconds($0) } }

  func payload() throws -> [UInt8] { try Self.bytes(json["payload"] ?? .string("")) }

  func payloads() throws -> [[UInt8]] {
    guard case .array(let items)? = json["payloads"] else { return [] }
    return try items.map(Self.bytes)
  }

  var metadata: [String: String] {
    guard case .object(let members)? = json["metadata"] else { return [:] }
    var pairs: [String: String] = [:]
    for member in members { if case .string(let text) = member.value { pairs[member.name] = text } }
    return pairs
  }

  private static func bytes(_ value: JSON) throws -> [UInt8] {
    guard case .string(let text) = value, let bytes = Base64.decode(text) else {
      throw Nonsense(text: "a payload is no base64")
    }
    return bytes
  }
}

final class Worker: Sendable {
  private struct State {
    var clients: [String: TallyClient] = [:]
    var streams: [String: OpenStream] = [:]
    var tasks: [String: Task<Void, Never>] = [:]
    var settling: [String: CheckedContinuation<Command, Never>] = [:]
    var settled: [String: Command] = [:]
  }

  private let state = Lock(State())
  private let output = Lock(())

  func run() {
    while let line = readLine() {
      guard let json = try? JSON.parse(line) else { fatalError("no JSON: \(line)") }
      begin(Command(json: json))
    }
  }

  private func begin(_ command: Command) {
    state.withLock { state in
      state.tasks[command.id] = Task {
        let answer: JSON.Member
        do { answer = try await self.carryOut(command) } catch { answer = Self.told(error) }
        self.write(command.id, answer)
        self.state.withLock { _ = $0.tasks.removeValue(forKey: command.id) }
      }
    }
  }

  private func write(_ id: String, _ answer: JSON.Member) {
    let line = JSON.object([.init("id", .string(id)), answer]).compact + "\n"
    output.withLock { _ in
      var bytes = Array(line.utf8)[...]
      while !bytes.isEmpty {
        let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(1, $0.baseAddress, $0.count) }
        if count <= 0 { exit(1) }
        bytes = bytes.dropFirst(count)
      }
    }
  }

  /// As the suite expects failures, whose own reasons are empty where the client made them.
  private static func told(_ error: any Error) -> JSON.Member {
    if error is Raised { return .init("raised", .bool(true)) }
    guard let error = error as? TallyError else {
      return .init(
        "error",
        .object([.init("code", .string("INVALID_ARGUMENT")), .init("message", .string("\(error)"))]))
    }
    let own: Set = ["CONNECTION_LOST", "NOT_CONNECTED", "DEADLINE_EXCEEDED", "CANCELLED"]
    let details = error.details.map { JSON.Member($0.key, .string($0.value)) }
    return .init(
      "error",
      .object([
        .init("code", .string(error.code.wireName)), .init("message", .string(error.message)),
        .init("reason", .string(own.contains(error.reason) ? "" : error.reason)),
        .init("details", .object(details)), .init("maybeApplied", .bool(error.outcome == .unknown)),
      ]))
  }

  private static func reply(_ bytes: [UInt8] = []) -> JSON.Member {
    .init("reply", .string(Base64.encode(bytes)))
  }

  private func carryOut(_ command: Command) async throws -> JSON.Member {
    switch command.text("do") {
    case "client":
      var options = CallOptions(timeout: command.millis("timeoutMillis"))
      if let duration = command.millis("retryMillis") {
        options.retry = duration == .zero ? .never : RetryPolicy(duration: duration)
      }
      let client = TallyClient(socket: command.text("socket"), defaults: options)
      state.withLock { $0.clients[command.text("name")] = client }
      return Self.reply()
    case "unary":
      let (client, options) = try client(of: command)
      return Self.reply(try await Methods.unary(command.method)(client, try command.payload(), options))
    case "requests":
      let (client, options) = try client(of: command)
      return Self.reply(try await Methods.requests(command.method)(client, try command.payloads(), options))
    case "open":
      let (client, options) = try client(of: command)
      let stream = try await Methods.stream(command.method)(client, try command.payload(), options)
      state.withLock { $0.streams[command.id] = stream }
      return Self.reply()
    case "watch":
      let (client, options) = try client(of: command)
      let request = try TallystickV1.WatchTransactionsRequest.decode(try command.payload())
      let rows = try await WatchedRows(client, request, options)
      state.withLock { $0.streams[command.id] = OpenStream(next: { try await rows.next() }, cancel: {}) }
      return Self.reply()
    case "send":
      let stream = try stream(of: command)
      for payload in try command.payloads() { try await stream.send(payload) }
      return Self.reply()
    case "finish":
      try stream(of: command).finish()
      return Self.reply()
    case "next":
      guard let bytes = try await stream(of: command).next() else { return .init("end", .bool(true)) }
      return Self.reply(bytes)
    case "leave":
      let stream = try stream(of: command)
      state.withLock { _ = $0.streams.removeValue(forKey: command.text("stream")) }
      stream.cancel()
      return Self.reply()
    case "cancel":
      state.withLock { $0.tasks[command.text("of")] }?.cancel()
      return Self.reply()
    case "block": return try await block(command)
    case "settle":
      settle(command)
      return Self.reply()
    default: throw Nonsense(text: "nothing is called \(command.text("do"))")
    }
  }

  /// The client that a command names, as the command's user and with its metadata; and its options.
  private func client(of command: Command) throws -> (TallyClient, CallOptions) {
    guard var client = state.withLock({ $0.clients[command.text("client")] }) else {
      throw Nonsense(text: "there is no client \(command.text("client"))")
    }
    if !command.metadata.isEmpty { client = client.adding(metadata: command.metadata) }
    if !command.text("as").isEmpty { client = client.acting(as: command.text("as")) }
    var options = client.defaults
    if ["open", "watch", "requests"].contains(command.text("do")) { options.timeout = nil }
    options.timeout = command.millis("timeoutMillis") ?? options.timeout
    return (client, options)
  }

  private func stream(of command: Command) throws -> OpenStream {
    guard let stream = state.withLock({ $0.streams[command.text("stream")] }) else {
      throw Nonsense(text: "there is no stream \(command.text("stream"))")
    }
    return stream
  }

  // MARK: Blocks

  private func block(_ command: Command) async throws -> JSON.Member {
    let (client, _) = try client(of: command)
    if command.text("kind") == "run" {
      let request = try TallystickV1.BeginRunRequest.decode(try command.payload())
      return try await client.withRun(request) { run in
        try await self.inside(command, begun: run.begun.encode()) { step throws in
          let wanted = try TallystickV1.FinishRunRequest.decode(try step.payload())
          return try await run.finish { request in
            let status = request.status
            request = wanted
            if request.status == .unspecified { request.status = status }
          }.encode()
        }
      }
    }
    let request = try TallystickV1.ReserveRequest.decode(try command.payload())
    return try await client.withHold(request) { hold in
      try await self.inside(command, begun: hold.begun.encode()) { step throws in
        if step.text("by") == "release" { return try await hold.release().encode() }
        let wanted = try TallystickV1.CaptureRequest.decode(try step.payload())
        return try await hold.capture(
          wanted.amountMicros, description: wanted.description, overage: wanted.overage
        ).encode()
      }
    }
  }

  /// Tells what was begun, waits for what to do then, and does it.
  private func inside(
    _ command: Command, begun: [UInt8], _ settle: (Command) async throws -> [UInt8]
  ) async throws -> JSON.Member {
    write(command.id, .init("begun", .string(Base64.encode(begun))))
    let step = await withCheckedContinuation { continuation in
      let step = state.withLock { state in
        let step = state.settled.removeValue(forKey: command.id)
        if step == nil { state.settling[command.id] = continuation }
        return step
      }
      if let step { continuation.resume(returning: step) }
    }
    let reply = step.text("by").isEmpty ? [] : try await settle(step)
    if !step.text("raise").isEmpty { throw Raised(description: step.text("raise")) }
    return Self.reply(reply)
  }

  private func settle(_ command: Command) {
    let waiting = state.withLock { state in
      let waiting = state.settling.removeValue(forKey: command.text("of"))
      if waiting == nil { state.settled[command.text("of")] = command }
      return waiting
    }
    waiting?.resume(returning: command)
  }
}

Worker().run()
