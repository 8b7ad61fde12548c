// The socket in the file system, and descriptors that run out.

import CTallyLinux
import Glibc
import TallyLocking
import Testing

@testable import TTRPC

@Suite("Listener")
struct ListenerTests {
  func mode(_ path: String) throws -> UInt32 {
    var status = stat()
    try #require(unsafe lstat(path, &status) == 0)
    return status.st_mode & 0o7777
  }

  func start(_ path: String, _ change: (inout ServerOptions) -> Void = { _ in }) throws -> Server {
    var options = ServerOptions(path: path)
    change(&options)
    let server = Server(options: options, registry: ServiceRegistry())
    try server.start()
    return server
  }

  func temporary() -> String { "/tmp/ttrpc-l-\(getpid())-\(UInt32.random(in: 0...UInt32.max))" }

  @Test("the socket is 0660 and its directory, if made, 0750")
  func modes() throws {
    let host = try TestServer()
    #expect(try mode(host.path) == 0o660)
    #expect(try mode(String(host.path.dropLast("/socket".count))) == 0o750)
    let tight = try TestServer { $0.socketMode = 0o600 }
    #expect(try mode(tight.path) == 0o600)
  }

  @Test("a mode that lets others in is refused", arguments: [0o666, 0o661, 0o4660] as [UInt32])
  func looseMode(mode: UInt32) {
    #expect(throws: ListenError.invalidMode) { try start(temporary()) { $0.socketMode = mode } }
  }

  @Test("empty, abstract and NUL paths are refused", arguments: ["", "@abstract", "\0abstract", "/tmp/a\0b"])
  func badPath(path: String) {
    #expect(throws: ListenError.invalidPath) { try start(path) }
  }

  @Test("a path of 107 bytes is taken, one of 108 refused")
  func pathLength() async throws {
    let directory = temporary()
    let path = directory + "/" + String(repeating: "x", count: 107 - directory.utf8.count - 1)
    #expect(throws: ListenError.pathTooLong) { try start(path + "x") }
    let server = try start(path)
    #expect(try ClientConnection.connect(path: path).isClosed == false)
    await server.shutdown(drainNanoseconds: 0)
    #expect(unsafe access(path, F_OK) != 0)
    #expect(unsafe rmdir(directory) == 0)
  }

  @Test("a stale socket is replaced; only the own one is removed at the end")
  func stale() async throws {
    let directory = temporary()
    let path = directory + "/socket"
    try #require(unsafe mkdir(directory, 0o700) == 0)
    let dead = unsafe clinux_listen_unix(path, 0o600, 8)
    try #require(dead >= 0 && clinux_close(dead) == 0)
    let first = try start(path)
    try #require(unsafe unlink(path) == 0)
    let second = try start(path)
    await first.shutdown(drainNanoseconds: 0)
    // The name belongs to the second by now.
    #expect(try ClientConnection.connect(path: path).isClosed == false)
    await second.shutdown(drainNanoseconds: 0)
    #expect(unsafe access(path, F_OK) != 0)
    #expect(unsafe rmdir(directory) == 0)
  }

  @Test("a socket that is listened on is left alone")
  func live() async throws {
    let directory = temporary()
    let path = directory + "/socket"
    let server = try start(path)
    #expect(throws: ListenError.inUse) { try start(path) }
    #expect(try ClientConnection.connect(path: path).isClosed == false)
    await server.shutdown(drainNanoseconds: 0)
    // Neither the socket nor a temporary name is left.
    #expect(unsafe rmdir(directory) == 0)
  }

  @Test("what is no socket is left alone: a file, a directory, a link")
  func notASocket() throws {
    let directory = temporary()
    try #require(unsafe mkdir(directory, 0o700) == 0)
    let (file, link) = (directory + "/file", directory + "/link")
    let descriptor = unsafe open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
    try #require(descriptor >= 0 && clinux_close(descriptor) == 0)
    try #require(unsafe symlink("nowhere", link) == 0)
    for path in [file, link, directory] {
      #expect(throws: ListenError.notASocket) { try start(path) }
    }
    #expect(unsafe unlink(file) == 0)
    #expect(unsafe unlink(link) == 0)
    // No temporary name is left.
    #expect(unsafe rmdir(directory) == 0)
  }

  @Test("a directory that is not there says which")
  func noDirectory() {
    #expect(throws: ListenError.self) { try start(temporary() + "/directory/socket") }
  }

  @Test("an inherited socket is served, and left where it is")
  func inherited() async throws {
    let path = temporary()
    let descriptor = unsafe clinux_listen_unix(path, 0o600, 8)
    try #require(descriptor >= 0)
    var options = ServerOptions(path: "")
    options.inheritedDescriptor = descriptor
    let registry = ConformanceService.registry { _, _ in 0 }
    let server = Server(options: options, registry: registry)
    try server.start()
    let client = try ClientConnection.connect(path: path)
    #expect(try await client.unary(ConformanceService.name, "Echo", [1]) == [1])
    await server.shutdown(drainNanoseconds: 0)
    #expect(unsafe unlink(path) == 0)
  }

  @Test("a descriptor that does not listen is not inherited")
  func notListening() throws {
    var near: Int32 = -1
    var far: Int32 = -1
    try #require(unsafe clinux_socket_pair(&near, &far) == 0)
    defer {
      _ = clinux_close(near)
      _ = clinux_close(far)
    }
    #expect(throws: ListenError.self) { try start("") { $0.inheritedDescriptor = near } }
  }

  @Test("near the end of its descriptors the server rests, then takes up who has waited")
  func descriptorsExhausted() async {
    // In a process of its own, as the limit is the whole process's.
    await #expect(processExitsWith: .success) {
      var limit = rlimit(rlim_cur: 128, rlim_max: 128)
      let code = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      #expect(code == 0)
      let pauses = Lock<[Int32]>([])
      let host = try TestServer { options in
        options.hooks.acceptPaused = { number in pauses.withLock { $0.append(number) } }
      }
      let kept = try host.raw()
      try await kept.send(.request(1, "Echo", [1]))
      #expect(try await kept.frame()?.message == [1])
      var clients: [RawClient] = []
      while pauses.withLock({ $0.isEmpty }), clients.count < 100 {
        clients.append(try host.raw())
        let open = clients.count + 1
        await eventually("it is taken up, or accepting rests") {
          host.server.statistics.connectionsOpen == open || !pauses.withLock { $0.isEmpty }
        }
      }
      #expect(pauses.withLock { $0.first } == EMFILE)
      // Connections that are there go on; the last one waits.
      try await kept.send(.request(3, "Echo", [2]))
      #expect(try await kept.frame()?.message == [2])
      let last = clients.removeLast()
      try await last.send(.request(1, "Echo", [3]))
      // It rests again and again, and says so once.
      for id: UInt32 in 2..<6 {
        host.time.advance(byNanoseconds: Listener.pauseNanoseconds)
        try await kept.send(.request(2 * id + 1, "Echo", [2]))
        #expect(try await kept.frame()?.message == [2])
      }
      #expect(pauses.withLock { $0 } == [EMFILE])
      for client in clients.prefix(10) { client.close() }
      let reply = try await host.whileTimePasses(byNanoseconds: Listener.pauseNanoseconds) {
        try await last.frame()
      }
      #expect(reply?.message == [3])
      exit(0)
    }
  }

  @Test("while connections are cut off few newcomers are taken up, after longer and longer rests")
  func restsAfterCutOff() async throws {
    let gate = Gate()
    let rests = Lock<[Int32]>([])
    let host = try TestServer(registry: gate.registry) { options in
      options.maximumTotalOutboundByteCount = 4_000_000
      options.hooks.acceptPaused = { number in rests.withLock { $0.append(number) } }
    }
    let kept = try host.connect()
    var peers = try (0..<8).map { _ in try host.raw() }
    await eventually("all are there") { host.server.statistics.connectionsOpen == 9 }
    /// A peer asks for 8 MB and reads nothing.
    func cutOff() async throws {
      let peer = peers.removeLast()
      let number = host.closeReasons.count
      try await peer.send((0..<8).flatMap { RawFrame.request(2 * $0 + 1, "Hold", service: "s").bytes })
      await eventually("it has come") { gate.count == 8 }
      gate.release { $0.succeed([UInt8](repeating: 1, count: 1_000_000)) }
      await eventually("it is cut off") { host.closeReasons.count > number }
      // What the thread that accepts was told with that is done by then.
      for _ in 0..<2 { _ = try await kept.unary("s", "Echo", []) }
    }
    /// Lets so much time pass; how many were taken up then. Each call is a round of the thread that accepts.
    func accepted(afterNanoseconds step: UInt64) async throws -> UInt64 {
      let before = host.server.statistics.connectionsAccepted
      host.time.advance(byNanoseconds: step)
      for _ in 0..<20 { _ = try await kept.unary("s", "Echo", []) }
      return host.server.statistics.connectionsAccepted - before
    }
    try await cutOff()
    await eventually("accepting rests") { rests.withLock { $0 } == [ENOBUFS] }
    let crowd = try (0..<200).map { _ in try host.raw() }
    let few = UInt64(Listener.restAcceptCount)
    var rest = Listener.shortestRestNanoseconds
    while rest < Listener.longestRestNanoseconds {
      try await cutOff()
      #expect(try await accepted(afterNanoseconds: rest - 1) == 0)
      #expect(try await accepted(afterNanoseconds: 1) == few)
      rest *= 2
    }
    try await cutOff()
    #expect(try await accepted(afterNanoseconds: rest - 1) == 0)
    #expect(try await accepted(afterNanoseconds: 1) == few)
    // The longest again; then nobody is cut off any more.
    while rest >= Listener.shortestRestNanoseconds {
      #expect(try await accepted(afterNanoseconds: rest - 1) == 0)
      let last = rest / 2 < Listener.shortestRestNanoseconds
      let count = try await accepted(afterNanoseconds: 1)
      #expect(last ? count > few : count == few)
      rest /= 2
    }
    await eventually("all are taken up") { host.server.statistics.connectionsAccepted == 9 + 200 }
    #expect(rests.withLock { $0.count } == 1)
    _ = crowd
  }

  @Test("several pollers share the connections")
  func pollers() async throws {
    let host = try TestServer { $0.pollerCount = 3 }
    let clients = try (0..<9).map { _ in try host.connect() }
    for (index, client) in clients.enumerated() {
      let reply = try await client.unary(ConformanceService.name, "Echo", [UInt8(index)])
      #expect(reply == [UInt8(index)])
    }
  }
}
