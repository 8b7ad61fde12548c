// Cancellation by token as a service of the library.

import TallyLocking
import Testing

@testable import TTRPC

@Suite("Cancel service")
struct CancelServiceTests {
  @Test("a token is cancelled for the caller's uid, and the reply says how many calls that were")
  func cancel() async throws {
    let asked = Lock<[String]>([])
    var registry = ServiceRegistry()
    let service = CancelService { token, uid in
      asked.withLock { $0.append("\(token) \(uid)") }
      return 300
    }
    registry.add(service: "s", methods: ["Cancel": service.handler])
    let host = try TestServer(registry: registry)
    let client = try host.connect()
    let reply = try await client.unary("s", "Cancel", CancelService.request("t1"))
    #expect(try Message(reply).number(1) == 300)
    let uid = try #require(asked.withLock { $0.first }?.split(separator: " ").last)
    #expect(asked.withLock { $0 } == ["t1 \(uid)"])
  }

  @Test("a token that is absent, too long or no text is refused", arguments: [0, 1, 2])
  func refused(kind: Int) throws {
    let payload: [UInt8] =
      switch kind {
      case 0: []
      case 1: CancelService.request(String(repeating: "t", count: CancelService.tokenByteCount + 1))
      default: [1 << 3 | UInt8(WireType.varint), 7]
      }
    let error = #expect(throws: Status.self) { try CancelService.token(payload) }
    #expect(error?.code == .invalidArgument)
  }

  @Test("no call that was cancelled is an empty reply")
  func none() { #expect(CancelService.reply(0).isEmpty) }
}
