// A server without a listener: what it is given to serve, and how it ends.

import CTallyLinux
import Glibc
import TallyLocking
import Testing

@testable import TTRPC

@Suite("A server without a listener")
struct AdoptTests {
  private static var registry: ServiceRegistry {
    var registry = ServiceRegistry()
    registry.unary("s", "Reverse") { (bytes: [UInt8], _) in bytes.reversed() as [UInt8] }
    registry.unary("s", "Uid") { (_: [UInt8], context) in [UInt8](String(context.peer.uid).utf8) }
    registry.bidi("s", "Chat") { (bytes: TypedStream<[UInt8]>, replies: TypedSink<[UInt8]>, _) in
      for try await message in bytes { try await replies.send(message) }
    }
    return registry
  }

  private func pair() throws -> (Int32, Int32) {
    var (near, far): (Int32, Int32) = (-1, -1)
    try #require(unsafe clinux_socket_pair(&near, &far) == 0)
    return (near, far)
  }

  @Test("a service is tested in three lines")
  func threeLines() async throws {
    let server = Server(registry: Self.registry)
    let client = try server.connect()
    #expect(try await client.unary("s", "Reverse", [1, 2, 3]) == [3, 2, 1])
  }

  @Test("clients share the server, with its limits and what the kernel says of them")
  func real() async throws {
    var options = ServerOptions()
    options.maximumConnections = 2
    let server = Server(options: options, registry: Self.registry)
    let first = try server.connect()
    let second = try server.connect()
    #expect(try await first.unary("s", "Uid", []) == [UInt8](String(getuid()).utf8))
    let chat = try second.stream(.bidi, "s", "Chat")
    try await chat.send([7])
    #expect(try await chat.next() == [7])
    chat.finish()
    #expect(try await chat.next() == nil)
    let third = try server.connect()
    let error = await #expect(throws: CallError.self) { _ = try await third.unary("s", "Uid", []) }
    #expect(error?.status.code == .unavailable)
    #expect(server.statistics.connectionsOpen == 2)
  }

  @Test("it listens as well when it is started, before or after")
  func listens() async throws {
    let path = "/tmp/ttrpc-adopt-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    let server = Server(options: ServerOptions(path: path), registry: Self.registry)
    let inside = try server.connect()
    try server.start()
    let outside = try ClientConnection.connect(path: path)
    let late = try server.connect()
    for client in [inside, outside, late] {
      #expect(try await client.unary("s", "Reverse", [1, 2]) == [2, 1])
    }
    await server.shutdown(drainNanoseconds: 0)
    await eventually("all are closed") { inside.isClosed && outside.isClosed && late.isClosed }
    #expect(unsafe access(path, F_OK) != 0)
  }

  @Test("it ends with its last reference, of which its clients hold one each")
  func ends() async throws {
    let closes = Lock<[CloseReason]>([])
    var options = ServerOptions()
    options.hooks.connectionClosed = { _, _, reason in closes.withLock { $0.append(reason) } }
    var server: Server? = Server(options: options, registry: Self.registry)
    let (near, far) = try pair()
    try server?.adopt(far)
    let raw = RawClient(descriptor: near)
    let client = try #require(try server?.connect())
    weak let gone = server
    server = nil
    #expect(try await client.unary("s", "Reverse", [1, 2]) == [2, 1])
    #expect(gone != nil)
    client.close()
    try await raw.send(.request(1, "Reverse", [1, 2], service: "s"))
    #expect(try await raw.frame()?.message == [2, 1])
    _ = consume client
    #expect(try await raw.frame() == nil)
    await eventually("both are closed") { closes.withLock { $0.count } == 2 }
    #expect(gone == nil)
  }

  @Test("what it drains is what it has adopted, and then it takes no more")
  func shutsDown() async throws {
    let gate = Gate()
    let server = Server(registry: gate.registry)
    let client = try server.connect()
    async let reply = client.unary("s", "Hold", [])
    await eventually("it is held") { gate.count == 1 }
    let shutdown = Task { await server.shutdown(drainNanoseconds: UInt64.max) }
    await eventually("it takes no more") { (try? server.connect()) == nil }
    gate.release { $0.succeed([9]) }
    #expect(try await reply == [9])
    await shutdown.value
    let error = #expect(throws: SystemError.self) { try server.connect() }
    #expect(error?.number == ESHUTDOWN)
    let (near, far) = try pair()
    #expect(throws: SystemError.self) { try server.adopt(far) }
    let raw = RawClient(descriptor: near)
    #expect(try await raw.frame() == nil)
  }

  @Test("what is no connected Unix stream socket is refused and closed", arguments: [0, 1, 2])
  func refused(kind: Int32) throws {
    let descriptor: Int32 =
      switch kind {
      case 0: unsafe open("/dev/null", O_RDONLY)
      case 1: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      default: clinux_event_create()
      }
    try #require(descriptor >= 0)
    let server = Server(registry: Self.registry)
    #expect(throws: SystemError.self) { try server.adopt(descriptor) }
    #expect(server.statistics.connectionsAccepted == 0)
    let error = #expect(throws: SystemError.self) { try ClientConnection.adopt(-1) }
    #expect(error?.number == EBADF)
  }

  @Test("both ends of a pair may be adopted, blocking as they are")
  func adopted() async throws {
    var ends: [Int32] = [-1, -1]
    try #require(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    let server = Server(registry: Self.registry)
    try server.adopt(ends[0])
    let client = try ClientConnection.adopt(ends[1])
    #expect(try await client.unary("s", "Reverse", [1, 2]) == [2, 1])
    for end in ends { #expect(fcntl(end, F_GETFL) & O_NONBLOCK != 0 && fcntl(end, F_GETFD) == FD_CLOEXEC) }
    await server.shutdown(drainNanoseconds: 0)
  }

  @Test("without a path it does not listen")
  func pathless() {
    #expect(throws: ListenError.invalidPath) { try Server(registry: Self.registry).start() }
  }
}
