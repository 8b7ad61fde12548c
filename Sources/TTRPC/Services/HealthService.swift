// grpc.health.v1.Health: whether a server serves, and each of its services; asked once or watched.
//
// Invariants:
// 1. A watcher gets the status at once and then each change, never the same status twice in a row. Of changes
//    that come faster than it takes them it gets the last.
// 2. A watcher is woken by a change, costs nothing between two, and is forgotten when its call ends.
// 3. After the shutdown nothing is served any more; watchers are told and their calls end, since a drain
//    would wait for them.
//
// Source: github.com/grpc/grpc/blob/master/doc/health-checking.md, proto/grpc/health/v1.
// Any thread may use it: the state is behind a lock.

internal import TallyLocking

/// What a server says about itself. Any thread may set it.
public final class HealthService: Sendable {
  public static let name = "grpc.health.v1.Health"
  public static let checkMethod = "Check"
  public static let watchMethod = "Watch"

  /// As a message a HealthCheckResponse { ServingStatus status=1; }.
  public enum ServingStatus: UInt8, Sendable, WireMessage {
    case unknown = 0
    case serving = 1
    case notServing = 2
    /// What a watcher is told of a service that is not known; set, it makes the service unknown.
    case serviceUnknown = 3

    public init(wireBytes: [UInt8]) throws {
      let bytes = wireBytes.span
      var cursor = WireCursor(at: 0, end: bytes.count)
      var number: UInt64 = 0
      while !cursor.isAtEnd {
        let (field, type) = try cursor.tag(bytes)
        if field == 1 {
          try WireCursor.expect(type, WireType.varint, "status")
          number = try cursor.varint(bytes)
        } else {
          try cursor.skip(type, bytes)
        }
      }
      self = UInt8(exactly: number).flatMap(Self.init(rawValue:)) ?? .unknown
    }

    public func wireBytes() -> [UInt8] {
      self == .unknown ? [] : [UInt8(1 << 3 | WireType.varint), rawValue]
    }
  }

  /// A HealthCheckRequest { string service=1; }: what both methods are asked.
  public struct Request: WireMessage {
    /// Empty for the whole server.
    public var service: String

    public init(_ service: String = "") { self.service = service }

    public init(wireBytes: [UInt8]) throws {
      let bytes = wireBytes.span
      service = ""
      var cursor = WireCursor(at: 0, end: bytes.count)
      while !cursor.isAtEnd {
        let (field, type) = try cursor.tag(bytes)
        if field == 1 {
          try WireCursor.expect(type, WireType.bytes, "service")
          service = try text(bytes, try cursor.lengthDelimited(bytes), "service")
        } else {
          try cursor.skip(type, bytes)
        }
      }
    }

    public func wireBytes() -> [UInt8] {
      var bytes: [UInt8] = []
      if !service.isEmpty { bytes.append(field: 1, service) }
      return bytes
    }
  }

  private struct State {
    var statuses: [String: ServingStatus]
    var isShutDown = false
    /// Rises with each change.
    var version: UInt64 = 0
    var lastWatcher: UInt64 = 0
    /// Those that wait for a change; bounded by the calls that may be under way.
    var watchers: [UInt64: CheckedContinuation<Void, Never>] = [:]
  }

  private let state: Lock<State>
  private let admit: @Sendable (CallContext) throws(Status) -> Void

  /// - Parameters:
  ///   - services: the names that are known; the empty name, which is the whole server, always is.
  ///   - status: of all of them, until it is set.
  ///   - admit: throws the status that a call is refused with.
  public init(
    services: [String] = [], status: ServingStatus = .serving,
    admit: @escaping @Sendable (CallContext) throws(Status) -> Void = { _ throws(Status) in }
  ) {
    let names = Set(services + [""])
    state = Lock(State(statuses: Dictionary(uniqueKeysWithValues: names.map { ($0, status) })))
    self.admit = admit
  }

  // MARK: What it says

  /// Sets the status of one service, which is known from then on.
  public func set(_ status: ServingStatus, of service: String) {
    change { $0.statuses[service] = status == .serviceUnknown ? nil : status }
  }

  /// Sets the status of the server and of every service that is known.
  public func set(_ status: ServingStatus) {
    change { state in
      state.statuses = status == .serviceUnknown ? [:] : state.statuses.mapValues { _ in status }
    }
  }

  /// Before a server drains: nothing is served any more, whatever is set, and no watcher holds the drain up.
  public func shutDown() {
    change { state in
      state.statuses = state.statuses.mapValues { _ in .notServing }
      state.isShutDown = true
    }
  }

  /// nil when the service is not known.
  public func status(of service: String = "") -> ServingStatus? {
    state.withLock { $0.statuses[service] }
  }

  /// Calls that watch and wait for a change just now.
  public var watcherCount: Int { state.withLock { $0.watchers.count } }

  private func change(_ body: (inout State) -> Void) {
    let woken = state.withLock { state -> [UInt64: CheckedContinuation<Void, Never>] in
      if state.isShutDown { return [:] }
      let before = state.statuses
      body(&state)
      if state.statuses == before && !state.isShutDown { return [:] }
      state.version += 1
      defer { state.watchers = [:] }
      return state.watchers
    }
    for watcher in woken.values { watcher.resume() }
  }

  // MARK: Who asks

  /// Adds the service to a registry.
  public func register(in registry: inout ServiceRegistry) {
    registry.add(service: Self.name, methods: methods)
  }

  /// What answers the methods, by their names.
  public var methods: [String: MethodHandler] {
    [
      Self.checkMethod: .unary { [self] context, payload, responder in
        do throws(Status) {
          try admit(context)
          guard let status = status(of: try Self.service(payload, context)) else {
            throw context.connection.status(.unknownHealthService, .notFound, "unknown service")
          }
          responder.succeed(status.wireBytes())
        } catch { responder.fail(error) }
      },
      Self.watchMethod: .streaming(.serverStream) { [self] context, requests, replies in
        try admit(context)
        let service = try Self.service(try await requests.next() ?? [], context)
        try await watch(service, context, replies)
      },
    ]
  }

  private func watch(_ service: String, _ context: CallContext, _ replies: MessageSink) async throws {
    var last: ServingStatus?
    while !context.isCancelled {
      let (status, version, isOver) = state.withLock { state in
        (state.statuses[service] ?? .serviceUnknown, state.version, state.isShutDown)
      }
      if status != last { try await replies.send(status.wireBytes()) }
      if isOver { return }
      last = status
      await change(after: version)
    }
  }

  /// Returns after a change since `version`, or when the task is cancelled.
  private func change(after version: UInt64) async {
    let id = state.withLock { state in
      state.lastWatcher += 1
      return state.lastWatcher
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let waits = state.withLock { state in
          // Who cancels finds the watcher here, or has been before.
          guard state.version == version, !Task.isCancelled else { return false }
          state.watchers[id] = continuation
          return true
        }
        if !waits { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.watchers.removeValue(forKey: id) }?.resume()
    }
  }

  private static func service(_ payload: [UInt8], _ context: CallContext) throws(Status) -> String {
    do { return try Request(wireBytes: payload).service } catch {
      let reason = (error as? MalformedEnvelope)?.reason ?? "\(error)"
      throw context.connection.status(
        .malformedMessage, .invalidArgument, "the request does not parse: \(reason)", ["field": "payload"])
    }
  }
}
