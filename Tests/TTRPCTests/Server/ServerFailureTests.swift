// Every way in which the connection layer answers passes the hook that gives failures their details.

import Glibc
import TallyLocking
import Testing

@testable import TTRPC

@Suite("Failures of the server itself")
struct ServerFailureTests {
  /// What a failure is dressed with.
  private static func detail(_ failure: ServerFailure) -> StatusDetail {
    StatusDetail(
      typeURL: "\(failure.kind)", value: [UInt8](failure.facts.keys.sorted().joined(separator: ",").utf8))
  }

  private static func serve(
    _ registry: ServiceRegistry? = nil, _ change: (inout ServerOptions) -> Void = { _ in }
  ) throws -> TestServer {
    try TestServer(registry: registry) {
      $0.dress = { failure, status in
        Status(status.code, status.message, details: [detail(failure)])
      }
      change(&$0)
    }
  }

  private static let open = FrameFlags.remoteOpen
  private static let token = MetadataPair(key: "tally-cancel-token", value: "t")

  /// Each kind that a peer can be told of, with its code, its facts, and what provokes it.
  private static let table:
    [(ServerFailure.Kind, StatusCode, String, @Sendable () async throws -> RawFrame?)] = [
      (.evenStreamId, .invalidArgument, "", { try await answer(.request(2, "Echo")) }),
      (
        .malformedRequest, .invalidArgument, "",
        { try await answer(RawFrame(streamId: 1, type: FrameType.request, payload: [0xFF])) }
      ),
      (
        .malformedMessage, .invalidArgument, "field",
        {
          var registry = ServiceRegistry()
          ReflectionService(files: []).register(in: &registry)
          let host = try serve(registry)
          let raw = try host.raw()
          try await raw.send(
            .request(1, ReflectionService.method, [0xFF], flags: open, service: ReflectionService.name))
          return try await raw.frame()
        }
      ),
      (
        .unknownHealthService, .notFound, "",
        {
          var registry = ServiceRegistry()
          HealthService().register(in: &registry)
          let host = try serve(registry)
          let raw = try host.raw()
          try await raw.send(
            .request(1, "Check", HealthService.Request("nobody").wireBytes(), service: HealthService.name))
          return try await raw.frame()
        }
      ),
      (.unknownStream, .invalidArgument, "stream_id", { try await answer(.data(1, [1])) }),
      (.unknownService, .unimplemented, "", { try await answer(.request(1, "Echo", service: "none")) }),
      (.unknownMethod, .unimplemented, "", { try await answer(.request(1, "None")) }),
      (
        .requestTooLarge, .resourceExhausted, "limit",
        { try await answer(.request(1, "Echo", [UInt8](repeating: 1, count: 20_000))) }
      ),
      (
        .replyTooLarge, .resourceExhausted, "limit",
        { try await answer(.request(1, "Count", Message().with(1, 1).with(2, 20_000).encoded)) }
      ),
      (
        .tooManyBytes, .resourceExhausted, "",
        { try await answer(.request(1, "Echo", [UInt8](repeating: 1, count: 9_000))) }
      ),
      (.deadlineExceeded, .deadlineExceeded, "", { try await answer(.request(1, "Echo", timeout: -1)) }),
      (.internalError, .internalError, "error_id", { try await answer(.request(1, "Surprise")) }),
      (
        .tooManyInFlight, .resourceExhausted, "limit",
        {
          try await answer(
            .request(1, "Chat", flags: open), .request(3, "Chat", flags: open), .request(5, "Echo"))
        }
      ),
      (
        .streamOverflow, .resourceExhausted, "limit",
        {
          let message = RawFrame.data(1, [UInt8](repeating: 1, count: 3_000))
          let later = RawFrame.request(3, "Sleep", Message().with(1, 3_600_000).encoded)
          return try await answer(later, .request(1, "Ignore", [1], flags: open), message, message, message)
        }
      ),
      (
        .streamDisplaced, .unavailable, "",
        {
          let host = try serve { $0.maximumInFlight = 1 }
          let raw = try host.raw()
          try await raw.send(.request(1, "Chat", flags: open))
          await eventually("it has begun") { host.server.statistics.callsStarted == 1 }
          host.time.advance(byNanoseconds: host.server.options.quietStreamNanoseconds)
          try await raw.send(.request(3, "Echo"))
          return try await raw.frame()
        }
      ),
      (
        .streamLifetime, .unavailable, "limit_seconds",
        {
          let host = try serve()
          let raw = try host.raw()
          try await raw.send(.request(1, "Chat", flags: open))
          return try await host.whileTimePasses(byNanoseconds: 60_000_000_000) { try await raw.frame() }
        }
      ),
      (
        .cancelled, .cancelled, "",
        {
          let host = try serve()
          let raw = try host.raw()
          try await raw.send(.request(1, "Chat", flags: open, metadata: [token]))
          await eventually("it is cancelled") { host.server.cancel(token: "t", uid: getuid()) == 1 }
          return try await raw.frame()
        }
      ),
      (
        .shuttingDown, .unavailable, "",
        {
          let gate = Gate()
          let host = try serve(gate.registry)
          let raw = try host.raw()
          try await raw.send(.request(1, "Hold", service: "s"))
          await eventually("the call has begun") { gate.count == 1 }
          async let done: Void = host.server.shutdown(drainNanoseconds: 30_000_000_000)
          var frame: RawFrame?
          var id: UInt32 = 3
          while frame?.status == nil {
            try await raw.send(.request(id, "Echo", service: "s"))
            frame = try await raw.frame()
            id += 2
          }
          gate.release { $0.succeed([]) }
          _ = try await raw.frame()
          await done
          return frame
        }
      ),
    ]

  /// The first failure among the answers to frames of a server with tight limits.
  private static func answer(_ frames: RawFrame...) async throws -> RawFrame? {
    let host = try serve {
      $0.maximumMessageByteCount = 10_000
      $0.maximumInFlight = 2
      $0.maximumInboundByteCount = 8_500
      $0.maximumStreamInboundByteCount = 8_000
    }
    let raw = try host.raw()
    try await raw.send(frames.flatMap(\.bytes))
    while let frame = try await raw.frame() {
      if frame.status != nil { return frame }
    }
    return nil
  }

  @Test("every failure that the server itself decides is dressed, each with its facts")
  func dressed() async throws {
    for (kind, code, facts, provoke) in Self.table {
      let status = try await provoke()?.status
      #expect(status?.code == code, "\(kind)")
      #expect(status?.details == [StatusDetail(typeURL: "\(kind)", value: [UInt8](facts.utf8))], "\(kind)")
    }
    let tried = Set(Self.table.map(\.0))
    // A peer that has gone is told nothing.
    #expect(ServerFailure.Kind.allCases.filter { !tried.contains($0) } == [.connectionLost])
  }

  @Test("a failure over the size limit keeps its details, and gives up its message")
  func fitting() async throws {
    let host = try Self.serve { $0.maximumMessageByteCount = 150 }
    let raw = try host.raw()
    try await raw.send(.request(1, "Echo", service: String(repeating: "n", count: 130)))
    let status = try await raw.frame()?.status
    #expect(status?.code == .unimplemented && status?.message == "")
    #expect(status?.details.count == 1)
  }
}
