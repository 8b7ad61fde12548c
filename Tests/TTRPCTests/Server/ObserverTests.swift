// What a method's observer is told of its calls.

import TallyLocking
import Testing

@testable import TTRPC

@Suite("Observer")
struct ObserverTests {
  private let service = ConformanceService.name

  /// Notes what it is told of one method.
  private final class Notes: MethodObserver {
    struct State: Equatable {
      var started = 0
      var ended: [StatusCode] = []
      var answered: [StatusCode] = []
      var refused: [StatusCode] = []
    }

    let state = Lock(State())

    func callStarted(_ call: CallContext) {
      #expect(call.startedNanoseconds > 0)
      state.withLock { $0.started += 1 }
    }

    func callEnded(_ call: CallContext, _ code: StatusCode) -> Bool {
      state.withLock { $0.ended.append(code) }
      return code != .ok
    }

    func callAnswered(_ call: CallContext, _ code: StatusCode) {
      state.withLock { $0.answered.append(code) }
    }

    func callRefused(_ code: StatusCode) { state.withLock { $0.refused.append(code) } }
  }

  @Test("calls are told once each, before their answer is there; refusals as such")
  func calls() async throws {
    let notes = Lock<[String: Notes]>([:])
    let host = try TestServer { options in
      options.hooks.observer = { service, method in
        let observer = Notes()
        notes.withLock { $0["\(service)/\(method)"] = observer }
        return observer
      }
      options.intercept = { $0.metadata("no") == nil ? nil : Status(.permissionDenied, "no") }
    }
    let client = try host.connect()
    func state(_ method: String) -> Notes.State? {
      notes.withLock { $0["\(service)/\(method)"] }?.state.withLock { $0 }
    }
    for count in 1...5 {
      _ = try await client.unary(service, "Echo", [])
      #expect(state("Echo") == Notes.State(started: count, ended: [StatusCode](repeating: .ok, count: count)))
    }
    await #expect(throws: CallError.self) {
      try await client.unary(
        service, "Echo", [], metadata: [MetadataPair(key: "no", value: "")])
    }
    #expect(state("Echo")?.refused == [.permissionDenied] && state("Echo")?.started == 5)

    let fail = Message().with(1, Int64(StatusCode.notFound.rawValue)).encoded
    await #expect(throws: CallError.self) { try await client.unary(service, "Fail", fail) }
    #expect(state("Fail")?.started == 1 && state("Fail")?.ended == [.notFound])
    await eventually("the answered call is told of") { state("Fail")?.answered == [.notFound] }

    let stream = try client.stream(.serverStream, service, "Count", Message().with(1, 3).encoded)
    while try await stream.next() != nil {}
    #expect(state("Count") == Notes.State(started: 1, ended: [.ok]))
  }

  @Test("a call whose connection is lost is told of as well")
  func lost() async throws {
    let notes = Notes()
    let host = try TestServer { $0.hooks.observer = { _, method in method == "Chat" ? notes : nil } }
    let client = try host.connect()
    _ = try client.stream(.bidi, service, "Chat")
    await eventually("the stream begins") { notes.state.withLock { $0.started == 1 } }
    client.close()
    await eventually("the stream ends") { notes.state.withLock { $0.answered == [.cancelled] } }
    #expect(notes.state.withLock { $0.ended == [.cancelled] })
  }

  @Test("bytes are counted both ways")
  func bytes() async throws {
    let host = try TestServer()
    let before = host.server.statistics
    #expect(before.bytesReceived == 0 && before.bytesSent == 0)
    let raw = try host.raw()
    try await raw.send(.request(1, "Echo", []))
    #expect(try await raw.frame()?.message == [])
    #expect(host.server.statistics.bytesReceived > UInt64(FrameHeader.byteCount))
    // A frame without a payload. It is counted when the system call has returned.
    await eventually("the reply is counted") {
      host.server.statistics.bytesSent == UInt64(FrameHeader.byteCount)
    }
  }
}
