// Whatever the connection layer answers carries a reason: a program branches on it, never on a text.

import TTRPC
import TallyClient
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import TallyTestSupport
import Testing

@testable import TallyServer

@Suite("Reasons of the connection layer") struct ConnectionReasonTests {
  typealias Conformance = TallystickTestingV1.Conformance

  @Test("every failure of the connection layer has a reason of the proto, with that reason's code")
  func table() throws {
    let codes: [ServerFailure.Kind: StatusCode] = [
      .evenStreamId: .invalidArgument, .malformedRequest: .invalidArgument, .unknownStream: .invalidArgument,
      .unknownService: .unimplemented, .unknownMethod: .unimplemented, .shuttingDown: .unavailable,
      .tooManyInFlight: .resourceExhausted, .tooManyBytes: .resourceExhausted,
      .requestTooLarge: .resourceExhausted, .replyTooLarge: .resourceExhausted,
      .streamOverflow: .resourceExhausted, .deadlineExceeded: .deadlineExceeded, .cancelled: .cancelled,
      .connectionLost: .cancelled, .streamLifetime: .unavailable, .streamDisplaced: .unavailable,
      .internalError: .internalError, .malformedMessage: .invalidArgument,
      .unknownHealthService: .notFound,
    ]
    for kind in ServerFailure.Kind.allCases {
      let reason = kind.reason
      #expect(
        codes[kind] == Reason(rawValue: reason)?.code ?? ServerReason(rawValue: reason)?.code, "\(kind)")
      #expect(TallystickV1.Reason.known.contains { $0.name == reason }, "\(kind)")
    }
  }

  /// How a call fails, as the server's own client tells it.
  private func failure(
    _ live: LiveServer, _ service: String, _ method: String, _ payload: [UInt8] = [], timeout: UInt64? = nil,
    metadata: [MetadataPair] = []
  ) async throws -> TallyError? {
    do {
      _ = try await live.connection.unary(
        service, method, payload, timeoutNanoseconds: timeout, metadata: metadata)
      return nil
    } catch { return TallyError(error) }
  }

  @Test("a client is told the reasons of what no handler has seen") func told() async throws {
    try await LiveServer.run(configure: { $0.server.maximumMessageByteCount = 8_192 }) { live in
      let service = try await failure(live, "nobody.Service", "Method")
      #expect(service?.reason == "UNIMPLEMENTED" && service?.code == .unimplemented)
      let method = try await failure(live, Conformance.name, "Method")
      #expect(method?.reason == "UNIMPLEMENTED")
      let large = try await failure(live, Conformance.name, "Echo", [UInt8](repeating: 1, count: 9_000))
      #expect(large?.reason == "MESSAGE_TOO_LARGE" && large?.details["limit"] == "8192")
      let health = try await failure(
        live, GrpcHealthV1.Health.check.service, GrpcHealthV1.Health.check.method, [0x0A, 1, 0x78])
      #expect(health?.reason == "SERVICE_NOT_FOUND" && health?.code == .notFound)
    }
  }

  @Test("a call whose deadline passes and one that is cancelled are told their reasons")
  func ended() async throws {
    try await LiveServer.run { live in
      // The answer is to be the server's: this client would give up by itself at the deadline.
      var options = ClientOptions()
      options.deadlineGraceNanoseconds = Patience.nanoseconds
      let patient = try ClientConnection.connect(path: live.socketPath, options: options)
      defer { patient.close() }
      let beside = LiveServer(server: live.server, connection: patient, socketPath: live.socketPath)
      var request = TallystickTestingV1.SleepRequest()
      request.millis = 3_600_000
      let sleep = request.encode()
      let late = try await failure(
        beside, Conformance.name, "Sleep", sleep, timeout: UInt64(Patience.soon / .nanoseconds(1)))
      #expect(late?.reason == "DEADLINE_EXCEEDED" && late?.code == .deadlineExceeded)
      async let cancelled = failure(
        beside, Conformance.name, "Sleep", sleep,
        metadata: [MetadataPair(key: "tally-cancel-token", value: "t")])
      try await eventually("it is cancelled") {
        try await live.call(TallystickV1.Control.cancel) { $0.token = "t" }.cancelled == 1
      }
      let ended = try await cancelled
      #expect(ended?.reason == "CANCELLED" && ended?.code == .cancelled)
    }
  }

  @Test("calls over the limit, and a peer that is not allowed, are told their reasons") func refused()
    async throws
  {
    try await LiveServer.run(configure: { $0.server.maximumInFlight = 1 }) { live in
      let stream = try live.connection.stream(.bidi, Conformance.name, "Chat")
      let refused = try await failure(live, Conformance.name, "Echo")
      #expect(refused?.reason == "TOO_MANY_IN_FLIGHT" && refused?.details["limit"] == "1")
      stream.cancel()
    }
  }

  @Test("a watcher that leaves, or whose deadline passes, is no error in the log") func watchers()
    async throws
  {
    let log = CapturedLog()
    try await LiveServer.run(log: log) { live in
      let watch = GrpcHealthV1.Health.watch
      let request = GrpcHealthV1.HealthCheckRequest().encode()
      let late = try live.connection.stream(
        .serverStream, watch.service, watch.method, request,
        timeoutNanoseconds: UInt64(Patience.soon / .nanoseconds(1)))
      let error = await #expect(throws: CallError.self) { while try await late.next() != nil {} }
      #expect(error?.status.code == .deadlineExceeded)
      let leaving = try ClientConnection.connect(path: live.socketPath)
      let stream = try leaving.stream(.serverStream, watch.service, watch.method, request)
      _ = try await stream.next()
      leaving.close()
    }
    #expect(!log.lines.contains { $0.message == "a handler failed" })
  }
}
