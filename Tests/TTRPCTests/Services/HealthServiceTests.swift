// grpc.health.v1.Health as part of the library.

import TallyLocking
import Testing

@testable import TTRPC

@Suite("Health service")
struct HealthServiceTests {
  typealias ServingStatus = HealthService.ServingStatus

  private func check(_ client: ClientConnection, _ service: String = "") async throws -> ServingStatus {
    try await client.unary(HealthService.name, "Check", HealthService.Request(service))
  }

  private func watch(_ client: ClientConnection, _ service: String = "") throws -> ClientStream {
    try client.stream(.serverStream, HealthService.name, "Watch", HealthService.Request(service).wireBytes())
  }

  private func next(_ stream: ClientStream) async throws -> ServingStatus? {
    try await stream.next(as: ServingStatus.self)
  }

  private func serve(_ health: HealthService) throws -> (Server, ClientConnection) {
    var registry = ServiceRegistry()
    health.register(in: &registry)
    let server = Server(registry: registry)
    return (server, try server.connect())
  }

  @Test("a check tells what was set, for the server and for each service")
  func checks() async throws {
    let health = HealthService(services: ["a", "b"])
    let (_, client) = try serve(health)
    #expect(try await check(client) == .serving)
    health.set(.notServing, of: "a")
    #expect(try await check(client, "a") == .notServing)
    #expect(try await check(client, "b") == .serving)
    health.set(.unknown)
    #expect(try await check(client, "a") == .unknown)
    #expect(try await check(client) == .unknown)
    #expect(health.status(of: "b") == .unknown)
    health.set(.serving, of: "late")
    #expect(try await check(client, "late") == .serving)
    health.set(.serviceUnknown, of: "late")
    #expect(health.status(of: "late") == nil)
  }

  @Test("the messages are those of grpc.health.v1")
  func messages() throws {
    #expect(HealthService.Request("ab").wireBytes() == Message().with(1, "ab").encoded)
    #expect(HealthService.Request().wireBytes().isEmpty)
    for (number, status) in [1: .serving, 2: .notServing, 3: .serviceUnknown] as [Int64: ServingStatus] {
      let bytes = Message().with(1, number).encoded
      #expect(status.wireBytes() == bytes)
      #expect(try ServingStatus(wireBytes: bytes) == status)
    }
    #expect(ServingStatus.unknown.wireBytes().isEmpty)
    #expect(try ServingStatus(wireBytes: Message().with(1, 300).encoded) == .unknown)
    #expect(throws: (any Error).self) { try ServingStatus(wireBytes: [0x0A, 1, 1]) }
  }

  @Test("a check of a service that is not known, or that does not parse, is refused")
  func refused() async throws {
    let told = Lock<[ServerFailure.Kind]>([])
    var registry = ServiceRegistry()
    HealthService().register(in: &registry)
    var options = ServerOptions()
    options.dress = { failure, status in
      told.withLock { $0.append(failure.kind) }
      return status
    }
    let client = try Server(options: options, registry: registry).connect()
    let unknown = await #expect(throws: CallError.self) { try await check(client, "nobody") }
    #expect(unknown?.status.code == .notFound)
    for payload in [[0x0A, 5, 1], [0x08, 1], [0x0A, 1, 0xFF]] as [[UInt8]] {
      let malformed = await #expect(throws: CallError.self) {
        _ = try await client.unary(HealthService.name, "Check", payload)
      }
      #expect(malformed?.status.code == .invalidArgument)
    }
    // What every connection has ready comes first.
    let kinds = told.withLock { $0 }.filter { $0 != .replyTooLarge }
    #expect(kinds == [.unknownHealthService] + Array(repeating: .malformedMessage, count: 3))
  }

  @Test("a watcher is told the status at once and then each change, and nothing that is none")
  func watches() async throws {
    let health = HealthService(services: ["a"])
    let (_, client) = try serve(health)
    let stream = try watch(client, "a")
    #expect(try await next(stream) == .serving)
    await eventually("it waits") { health.watcherCount == 1 }
    health.set(.serving, of: "a")
    // A change, but not of what it watches: it looks, and says nothing.
    health.set(.notServing, of: "")
    await eventually("it waits again") { health.watcherCount == 1 }
    health.set(.notServing, of: "a")
    #expect(try await next(stream) == .notServing)
    health.set(.serving)
    #expect(try await next(stream) == .serving)
    stream.cancel()
  }

  @Test("a watcher of a service that is not known is told so, and told when it is")
  func watchesUnknown() async throws {
    let health = HealthService()
    let (_, client) = try serve(health)
    let stream = try watch(client, "late")
    #expect(try await next(stream) == .serviceUnknown)
    health.set(.serving, of: "late")
    #expect(try await next(stream) == .serving)
    stream.cancel()
  }

  @Test("a watcher that leaves is forgotten")
  func leaves() async throws {
    let health = HealthService()
    let (server, client) = try serve(health)
    let other = try server.connect()
    for _ in 0..<10 { #expect(try await next(try watch(other)) == .serving) }
    let streams = try (0..<10).map { _ in try watch(other) }
    for stream in streams { #expect(try await next(stream) == .serving) }
    await eventually("they wait") { health.watcherCount >= 10 }
    other.close()
    await eventually("none waits") { health.watcherCount == 0 }
    #expect(try await check(client) == .serving)
  }

  @Test("once shut down it serves nothing for good, and lets its watchers go, so that the server drains")
  func shutsDown() async throws {
    let health = HealthService(services: ["a"])
    let (server, client) = try serve(health)
    let streams = try ["", "a", "nobody"].map { try watch(client, $0) }
    #expect(try await next(streams[0]) == .serving)
    #expect(try await next(streams[1]) == .serving)
    #expect(try await next(streams[2]) == .serviceUnknown)
    health.shutDown()
    health.set(.serving)
    #expect(try await check(client, "a") == .notServing)
    #expect(try await next(streams[0]) == .notServing)
    #expect(try await next(streams[1]) == .notServing)
    for stream in streams { #expect(try await next(stream) == nil) }
    // Longer than the test may last: nobody holds it up.
    await server.shutdown(drainNanoseconds: UInt64.max)
  }

  @Test("who may ask is asked first")
  func admits() async throws {
    let health = HealthService { _ throws(Status) in throw Status(.permissionDenied, "not you") }
    let (_, client) = try serve(health)
    let error = await #expect(throws: CallError.self) { try await check(client) }
    #expect(error?.status.code == .permissionDenied)
    let stream = try watch(client)
    let other = await #expect(throws: CallError.self) { try await next(stream) }
    #expect(other?.status.code == .permissionDenied)
  }
}
