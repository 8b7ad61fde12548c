// Health, reflection, control, server info and the harness's clock, over a real socket.

import TTRPC
import TallyMessages
import TallyTestSupport
import Testing

@testable import TallyServer

@Suite("System services") struct SystemServiceTests {
  @Test("health knows the server and its services") func health() async throws {
    try await LiveServer.run { live in
      let whole = try await live.call(GrpcHealthV1.Health.check) { _ in }
      #expect(whole.status == .serving)
      let credits = try await live.call(GrpcHealthV1.Health.check) { $0.service = Credits.name }
      #expect(credits.status == .serving)
      do {
        _ = try await live.call(GrpcHealthV1.Health.check) { $0.service = "nobody" }
        Issue.record("known")
      } catch let failed as Failed { #expect(failed.code == .notFound) }
    }
  }

  @Test("a health watch tells the state at once") func watch() async throws {
    try await LiveServer.run { live in
      for (service, expected) in [
        ("", GrpcHealthV1.HealthCheckResponse.ServingStatus.serving), ("nobody", .serviceUnknown),
      ] {
        var request = GrpcHealthV1.HealthCheckRequest()
        request.service = service
        let stream = try live.stream(GrpcHealthV1.Health.watch, request)
        let first = try #require(try await stream.next())
        #expect(try GrpcHealthV1.HealthCheckResponse.decode(first).status == expected)
        stream.cancel()
      }
    }
  }

  @Test("a health watch is told of the drain and let go") func watchDrains() async throws {
    try await LiveServer.run { live in
      let stream = try live.stream(GrpcHealthV1.Health.watch, GrpcHealthV1.HealthCheckRequest())
      _ = try #require(try await stream.next())
      let shutdown = Task { try await live.server.shutdown(drainNanoseconds: Patience.nanoseconds) }
      let last = try #require(try await stream.next())
      #expect(try GrpcHealthV1.HealthCheckResponse.decode(last).status == .notServing)
      #expect(try await stream.next() == nil)
      try await shutdown.value
    }
  }

  @Test("a health watch is told when the server takes no writes, and when it does again")
  func watchTurns() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u", 100, payment: "p", key: "p")
      let stream = try live.stream(GrpcHealthV1.Health.watch, GrpcHealthV1.HealthCheckRequest())
      func next() async throws -> GrpcHealthV1.HealthCheckResponse.ServingStatus {
        try GrpcHealthV1.HealthCheckResponse.decode(try #require(try await stream.next())).status
      }
      #expect(try await next() == .serving)
      for round in 0..<3 {
        try await live.inject(.storeFull)
        #expect(
          try await live.reason(Credits.consume) {
            ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("u", 1, "\(round)")
          } == "DISK_FULL")
        #expect(try await next() == .notServing)
        try await live.clear()
        #expect(try await next() == .serving)
      }
      stream.cancel()
    }
  }

  @Test("a health watcher that leaves is let go")
  func watchersLeave() async throws {
    try await LiveServer.run { live in
      let connection = try ClientConnection.connect(path: live.socketPath)
      let beside = LiveServer(server: live.server, connection: connection, socketPath: live.socketPath)
      for _ in 0..<20 {
        let stream = try beside.stream(GrpcHealthV1.Health.watch, GrpcHealthV1.HealthCheckRequest())
        _ = try #require(try await stream.next())
      }
      try await eventually("all wait") { live.server.healthWatcherCount == 20 }
      connection.close()
      try await eventually("none waits") { live.server.healthWatcherCount == 0 }
    }
  }

  @Test("reflection lists what is served and gives files with their imports") func reflection() async throws {
    try await LiveServer.run { live in
      let rpc = GrpcReflectionV1.ServerReflection.serverReflectionInfo
      let stream = try live.connection.stream(.bidi, rpc.service, rpc.method)
      func ask(_ question: GrpcReflectionV1.ServerReflectionRequest.MessageRequest) async throws
        -> GrpcReflectionV1.ServerReflectionResponse.MessageResponse?
      {
        var request = GrpcReflectionV1.ServerReflectionRequest()
        request.messageRequest = question
        try await stream.send(request.encode())
        let payload = try #require(try await stream.next())
        return try GrpcReflectionV1.ServerReflectionResponse.decode(payload).messageResponse
      }
      guard case .listServicesResponse(let list) = try await ask(.listServices("*")) else {
        Issue.record("no list")
        return
      }
      #expect(list.service.map(\.name).contains(Credits.name))
      #expect(list.service.map(\.name) == list.service.map(\.name).sorted())
      guard
        case .fileDescriptorResponse(let files) = try await ask(
          .fileContainingSymbol("tallystick.v1.CreditService.Consume"))
      else {
        Issue.record("no file")
        return
      }
      #expect(files.fileDescriptorProto.count == 2)
      guard case .errorResponse(let error) = try await ask(.fileByFilename("none.proto")) else {
        Issue.record("a file that is not there")
        return
      }
      #expect(error.errorCode == StatusCode.notFound.rawValue)
      for (extra, code) in [(0, StatusCode.notFound), (1, .invalidArgument)] {
        let symbol = String(repeating: "s", count: Limits.reflectionSymbolByteCount + extra)
        guard case .errorResponse(let error) = try await ask(.fileContainingSymbol(symbol)) else {
          Issue.record("a symbol that is not there")
          return
        }
        #expect(error.errorCode == code.rawValue)
      }
      stream.finish()
    }
  }

  @Test("a call is cancelled by its token") func cancel() async throws {
    try await LiveServer.run { live in
      let sleeping = Task {
        try await live.call(
          TallystickTestingV1.Conformance.sleep,
          metadata: [MetadataPair(key: "tally-cancel-token", value: "t1")]
        ) { $0.millis = 60_000 }
      }
      try await eventually("the call is there to be cancelled") {
        try await live.call(TallystickV1.Control.cancel) { $0.token = "t1" }.cancelled > 0
      }
      do {
        _ = try await sleeping.value
        Issue.record("slept through")
      } catch let failed as Failed { #expect(failed.code == .cancelled) }
    }
  }

  @Test("server info tells version, state, limits and role") func serverInfo() async throws {
    try await LiveServer.run { live in
      let info = try await live.call(TallystickV1.AdminService.getServerInfo) { _ in }
      #expect(info.version == "test")
      #expect(info.state == .serving)
      #expect(info.role == "admin")
      #expect(info.testing)
      #expect(info.limits.contains { $0.name == "batch" && $0.value == 8_192 })
    }
  }

  /// As the protos and docs/OPERATIONS.md have them: tests at the borders go by the server's own numbers.
  private static let documented: [String: Int64] = [
    "spender": 255, "tags": 8, "tag_key": 64, "tag_value": 128, "tag_values_of_a_day": 100, "run_id": 255,
    "model": 128, "run_type": 64, "run_error": 1_024, "run_units": 1_000_000_000_000,
    "run_cost": 1_000_000_000_000, "record_runs": 1_000, "stream_runs_failures": 100,
    "event_age": 35 * 86_400_000_000, "event_lead": 300_000_000, "hold_ttl": 2_592_000_000,
    "open_holds": 1_024, "plan_id": 128, "display_name": 255, "plan_prices": 256,
    "price": 1_000_000_000_000_000, "price_multiplier": 100_000_000, "put_prices": 256, "price_rows": 65_536,
    "quota": 1_000_000_000_000_000, "batch_get_usage": 1_000, "stats_span": 400, "stats_groups": 100,
    "recent_runs": 100, "cap_id": 128, "caps": 16, "caps_of_a_user": 1_000, "cap_hours": 168,
    "alert_rule_id": 128, "alert_rules_of_a_scope": 64, "alert_rules": 16_384, "worker": 128,
    "top_up_message": 1_024, "top_up_cooldown": 31 * 86_400_000, "top_up_cap_count": 1_000_000,
    "top_up_lease": 86_400_000, "default_top_up_lease": 300_000, "top_up_failures": 8, "page": 1_000,
    "watch_users": 1_000, "watched_users": 100_000, "watchers": 10_000, "connection_watchers": 1_000,
    "amount": 1_000_000_000_000_000_000, "slug": 255, "query": 1_024, "query_words": 32, "matches": 100,
    "page_id": 255, "media_id": 255, "author": 255, "title": 1_024, "detached_pages": 256,
    "detached_bytes": 32 << 20,
  ]

  @Test("the limits are those that the protos and the documentation tell")
  func limits() async throws {
    try await LiveServer.run { live in
      let limits = try await live.call(TallystickV1.AdminService.getServerInfo) { _ in }.limits
      #expect(Set(limits.map(\.name)).count == limits.count)
      let told = Dictionary(limits.map { ($0.name, $0.value) }) { $1 }
      for (name, value) in Self.documented { #expect(told[name] == value, "\(name)") }
    }
  }

  @Test("the clock is set, advanced and let go; credit expires by it") func clock() async throws {
    try await LiveServer.run { live in
      let start = try await live.call(TallystickTestingV1.TestControl.getClock) { _ in }.nowMicros
      let frozen = try await live.call(TallystickTestingV1.TestControl.setClock) {
        $0.nowMicros = start + 1_000_000
      }
      _ = try await live.call(Credits.grantPromo) {
        $0.userId = "u1"
        $0.amountMicros = 500
        $0.expiresAtMicros = frozen.nowMicros + 1_000_000
        $0.idempotencyKey = "k1"
      }
      #expect(try await live.available("u1") == 500)
      _ = try await live.call(TallystickTestingV1.TestControl.advanceClock) { $0.millis = 1_000 }
      #expect(try await live.available("u1") == 0)
      let behind = try await live.reason(TallystickTestingV1.TestControl.setClock) { $0.nowMicros = 1 }
      #expect(behind == "INVALID_FIELD")
      _ = try await live.call(TallystickTestingV1.TestControl.reset) { _ in }
      #expect(try await live.call(TallystickTestingV1.TestControl.getClock) { _ in }.frozen == false)
      #expect(try await live.call(Credits.listTransactions) { $0.userId = "u1" }.transactions.isEmpty)
    }
  }

  @Test("verify streams each check to its end and finds nothing wrong") func verify() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      let stream = try live.stream(TallystickV1.AdminService.verify, TallystickV1.VerifyRequest())
      var done: [Int32] = []
      while let payload = try await stream.next() {
        let step = try TallystickV1.VerifyResponse.decode(payload)
        #expect(step.violations == 0)
        if step.done { done.append(step.check) }
      }
      #expect(done.sorted() == Array(1...8))
    }
  }
}

extension LiveServer {
  fileprivate func stream<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, _ request: Request
  ) throws -> ClientStream {
    try connection.stream(.serverStream, rpc.service, rpc.method, request.encode())
  }
}
