// What the client does by itself: keys, attempts, deadlines and cancelling.

import Glibc
import TTRPC
import TallyLocking
import TallyMessages
import TallyTestSupport
import Testing

@testable import TallyClient

@Suite("Client's attempts")
struct AttemptTests {
  typealias Credits = TallystickV1.CreditService

  private static let quick = RetryPolicy(
    duration: Patience.duration, firstDelay: .milliseconds(1), maximumDelay: .milliseconds(2))

  private static func lose(_ responder: UnaryResponder) {
    responder.fail(Status(.unknown, "lost", details: [Peer.info("OUTCOME_UNKNOWN")]))
  }

  @Test("a request without a key gets one, and every attempt has the same")
  func keyFilledIn() async throws {
    let keys = Lock<[String]>([])
    let peer = try Peer { _, request, responder in
      let count = keys.withLock { keys in
        keys.append(request.idempotencyKey)
        return keys.count
      }
      if count == 1 { return Self.lose(responder) }
      if count == 2 { return responder.fail(Status(.unavailable, "not now")) }
      responder.succeed([])
    }
    let client = TallyClient(
      socket: peer.path, defaults: CallOptions(timeout: Patience.duration, retry: Self.quick))
    var request = TallystickV1.ConsumeRequest()
    request.userId = "alice"
    _ = try await client.call(Credits.consume, request)
    let first = keys.withLock { $0 }
    #expect(first.count == 3)
    #expect(Set(first).count == 1)
    #expect(first[0].utf8.count == 36)
    _ = try await client.call(Credits.consume, request)
    #expect(keys.withLock { $0.last } != first[0])
    await peer.stop()
  }

  @Test("each item of a batch gets a key of its own, and keeps the one it has")
  func batchKeys() {
    var request = TallystickV1.BatchConsumeRequest()
    request.items = [.init(), .init(), .init()]
    request.items[1].idempotencyKey = "mine"
    Credits.batchConsume.fillKeys(&request, IdempotencyKey.next)
    #expect(request.items[1].idempotencyKey == "mine")
    #expect(Set(request.items.map(\.idempotencyKey)).count == 3)
    #expect(request.items.allSatisfy { !$0.idempotencyKey.isEmpty })
  }

  @Test("what may be sent twice is what reads, carries a key, is named, or sets what it names")
  func repeatable() {
    #expect(Credits.getBalance.isRepeatable(.init()))
    #expect(Credits.consume.isRepeatable(.init()))
    #expect(TallystickV1.UsageService.finishRun.isRepeatable(.init()))
    var page = TallystickV1.CreatePageRequest()
    #expect(!TallystickV1.PageService.createPage.isRepeatable(page))
    page.pageId = "p"
    #expect(TallystickV1.PageService.createPage.isRepeatable(page))
    #expect(!TallystickV1.PageService.publish.isRepeatable(.init()))
    #expect(!TallystickV1.UsageService.streamRuns.isRepeatable(.init()))
  }

  @Test("a call that may have been applied is sent again only where that is harmless")
  func notRepeatable() async throws {
    let count = Lock(0)
    let peer = try Peer { _, _, responder in
      count.withLock { $0 += 1 }
      Self.lose(responder)
    }
    let client = TallyClient(
      socket: peer.path, defaults: CallOptions(timeout: Patience.duration, retry: Self.quick))
    let rpc = Credits.consume
    let error = await #expect(throws: TallyError.self) {
      try await client.call(service: rpc.service, method: rpc.method, payload: [])
    }
    #expect(error?.outcome == .unknown)
    #expect(count.withLock { $0 } == 1)
    await peer.stop()
  }

  @Test("after an attempt that may have been applied, a failure that does not tell is of unknown outcome")
  func doubt() async throws {
    let count = Lock(0)
    let peer = try Peer { _, request, responder in
      let number = count.withLock { count in
        count += 1
        return count
      }
      if number % 2 == 1 { return Self.lose(responder) }
      let code: StatusCode = request.idempotencyKey == "tells" ? .failedPrecondition : .resourceExhausted
      responder.fail(Status(code, "no"))
    }
    let client = TallyClient(
      socket: peer.path, defaults: CallOptions(timeout: Patience.duration, retry: Self.quick))
    for (key, outcome) in [("tells", TallyError.Outcome.notApplied), ("does not", .unknown)] {
      var request = TallystickV1.ConsumeRequest()
      request.idempotencyKey = key
      let error = await #expect(throws: TallyError.self) { try await client.call(Credits.consume, request) }
      #expect(error?.outcome == outcome)
    }
    #expect(count.withLock { $0 } == 4)
    await peer.stop()
  }

  @Test("a closed client does not send again what was under way")
  func closedMeanwhile() async throws {
    let count = Lock(0)
    let (arrivals, arrival) = AsyncStream<Void>.makeStream()
    let peer = try Peer { _, _, _ in
      count.withLock { $0 += 1 }
      arrival.yield()
    }
    let client = TallyClient(socket: peer.path, defaults: Peer.patient)
    let call = Task { try await client.call(Credits.consume, .init()) }
    for await _ in arrivals { break }
    client.close()
    let error = await #expect(throws: TallyError.self) { try await call.value }
    #expect(error?.reason == "CONNECTION_LOST")
    #expect(count.withLock { $0 } == 1)
    await peer.stop()
  }

  @Test("cancelling a task between attempts ends its call")
  func cancelledBetween() async throws {
    let (arrivals, arrival) = AsyncStream<Void>.makeStream()
    let peer = try Peer { _, request, responder in
      if request.userId == "other" { return responder.succeed([]) }
      responder.fail(Status(.unavailable, "not now"))
      arrival.yield()
    }
    let slow = RetryPolicy(duration: .seconds(900), firstDelay: .seconds(600), maximumDelay: .seconds(600))
    let client = TallyClient(socket: peer.path, defaults: Peer.patient)
    let options = CallOptions(timeout: .seconds(3_600), retry: slow)
    let call = Task { try await client.call(Credits.consume, .init(), options: options) }
    for await _ in arrivals { break }
    // Its reply comes behind the refusal.
    var other = TallystickV1.ConsumeRequest()
    other.userId = "other"
    _ = try await client.call(Credits.consume, other)
    call.cancel()
    let error = await #expect(throws: TallyError.self) { try await call.value }
    #expect(error?.reason == "CANCELLED")
    #expect(error?.outcome == .notApplied)
    await peer.stop()
  }

  @Test("a server that takes no connections does not hold a call beyond its deadline")
  func connectDeadline() async throws {
    let path = Peer.newPath()
    let listener = try Listener(path)
    let client = TallyClient(socket: path, defaults: CallOptions(timeout: Patience.duration, retry: .never))
    let error = await #expect(throws: TallyError.self) {
      try await client.call(Credits.consume, .init(), options: CallOptions(timeout: Patience.soon))
    }
    #expect(error?.reason == "DEADLINE_EXCEEDED")
    #expect(error?.outcome == .notApplied)
    withExtendedLifetime(listener) {}
  }

  @Test("a stream waits for a server that starts late, and no longer than its time-out")
  func streamConnects() async throws {
    let path = Peer.newPath()
    let client = TallyClient(socket: path)
    let rpc = TallystickV1.AdminService.verify
    let error = await #expect(throws: TallyError.self) {
      _ = try await client.stream(
        rpc, .init(),
        options: CallOptions(timeout: Patience.soon, retry: RetryPolicy(duration: .seconds(600))))
    }
    #expect(error?.reason == "NOT_CONNECTED")
    async let responses = client.stream(
      rpc, .init(), options: CallOptions(retry: RetryPolicy(duration: .seconds(600))))
    let peer = try Peer(path: path) { _, _, _ in }
    var count = 0
    let opened = try await responses
    let end = await #expect(throws: TallyError.self) { for try await _ in opened { count += 1 } }
    #expect(count == 3)
    #expect(end?.reason == "CORRUPT")
    await peer.stop()
  }

  @Test("a message that no frame can hold is refused before it is sent")
  func tooLarge() async throws {
    let client = TallyClient(
      socket: Peer.newPath(), defaults: CallOptions(timeout: Patience.duration, retry: .never))
    let payload = [UInt8](repeating: 0, count: TallyClient.longestMessageByteCount + 1)
    let error = await #expect(throws: TallyError.self) {
      try await client.call(service: "s", method: "m", payload: payload)
    }
    #expect(error?.reason == "MESSAGE_TOO_LARGE")
    #expect(error?.details["limit"] == "\(TallyClient.longestMessageByteCount)")
  }

  /// A server that never takes a connection, and whose backlog is full.
  private final class Listener {
    private let descriptor: Int32
    private var filler: [ClientConnection] = []

    init(_ path: String) throws {
      descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
      let bound = unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      try #require(bound == 0 && listen(descriptor, 0) == 0)
      do throws(SystemError) {
        while filler.count < 100 { filler.append(try ClientConnection.connect(path: path, waits: false)) }
      } catch { #expect(error.number == EAGAIN) }
    }

    deinit { _ = Glibc.close(descriptor) }
  }
}
