// Runs the frame vectors: the server's against the real server, in whole writes and byte by byte; the
// client's against the client's decoder, through a peer that sends just those bytes.

import CTallyLinux
import Glibc
import Testing

@testable import TTRPC

@Suite("Vectors")
struct VectorTests {
  static let server = ["unary.txt", "malformed.txt", "streams.txt"].flatMap(Vector.read)
  static let client = Vector.read("client.txt")

  @Test("the server answers as the vector says", arguments: server)
  func whole(vector: Vector) async throws {
    try await run(vector, bytesPerWrite: .max)
  }

  @Test(
    "one byte per write changes nothing",
    arguments: server.filter { !$0.steps.contains { $0.words.first == "fill" } })
  func bytewise(vector: Vector) async throws {
    try await run(vector, bytesPerWrite: 1)
  }

  private func run(_ vector: Vector, bytesPerWrite: Int) async throws {
    let host = try TestServer()
    let raw = try host.raw()
    var waiting: [UInt8] = []
    func flush() async throws {
      var offset = 0
      while offset < waiting.count {
        let end = offset + min(bytesPerWrite, waiting.count - offset)
        do {
          try await raw.send(Array(waiting[offset..<end]))
        } catch RawError.send(EPIPE) where vector.endsInClose {
          // The server has closed before it was sent everything.
          break
        }
        offset = end
      }
      waiting = []
    }
    for step in vector.steps {
      let words = step.words
      let place: Comment = "\(vector.file):\(step.line)"
      switch words[0] {
      case "send": waiting += try hex(words.dropFirst())
      case "fill": waiting += try fill(words[1], words[2])
      case "end":
        try await flush()
        raw.shutdownWriting()
      case "expect":
        try await flush()
        try await expect(Array(words.dropFirst()), raw, place)
      default: Issue.record("\(place): what is \(words[0])?")
      }
    }
    #expect(waiting.isEmpty)
  }

  private func fill(_ count: String, _ byte: String) throws -> [UInt8] {
    [UInt8](repeating: try #require(UInt8(byte, radix: 16)), count: try #require(Int(count)))
  }

  private func expect(_ words: [String], _ raw: RawClient, _ place: Comment) async throws {
    switch words[0] {
    case "close":
      #expect(try await raw.frame() == nil, place)
    case "open":
      let id = UInt32(0x7FFF_FFF1)
      try await raw.send(RawFrame.request(id, "Echo", [1]))
      let frame = try #require(try await raw.frame(), place)
      #expect(frame.streamId == id, place)
      #expect(frame.message == [1], place)
    case "data":
      let frame = try #require(try await raw.frame(), place)
      let wanted = RawFrame.data(
        try #require(UInt32(words[1])), try hex(words.dropFirst(3)),
        flags: try #require(UInt8(words[2], radix: 16)))
      #expect(frame == wanted, place)
    default:
      let frame = try #require(try await raw.frame(), place)
      #expect(frame.type == FrameType.response, place)
      #expect(frame.flags == 0, place)
      #expect(frame.streamId == UInt32(words[1]), place)
      switch words[2] {
      case "ok": #expect(try frame.message == hex(words.dropFirst(3)), place)
      case "filled": #expect(try frame.message == fill(words[3], words[4]), place)
      default: #expect(frame.status?.code.rawValue == Int32(words[3]), place)
      }
    }
  }

  @Test("the client takes an answer as the vector says", arguments: client)
  func response(vector: Vector) async throws {
    var near: Int32 = -1
    var far: Int32 = -1
    #expect(unsafe clinux_socket_pair(&near, &far) == 0)
    let client = try ClientConnection(descriptor: near, options: ClientOptions())
    let raw = RawClient(descriptor: far)
    async let result = Self.echo(client)
    let request = try #require(try await raw.frame())
    let frame = vector.steps[0].words
    if frame[0] == "data" {
      let flags = try #require(UInt8(frame[1], radix: 16))
      try await raw.send(RawFrame.data(request.streamId, try hex(frame.dropFirst(2)), flags: flags))
    } else {
      try await raw.send(
        RawFrame(streamId: request.streamId, type: FrameType.response, payload: try hex(frame.dropFirst())))
    }
    let words = vector.steps[1].words
    switch await result {
    case .success(let message):
      #expect(words[0] == "ok")
      #expect(try message == hex(words.dropFirst()))
    case .failure(let error):
      #expect(words[0] == "error")
      #expect(error.status.code.rawValue == Int32(words[1]))
      if words.count == 2 && words[1] == "13" {
        #expect(error.outcomeIsUnknown)
      } else {
        #expect(try Array(error.status.message.utf8) == hex(words.dropFirst(2)))
      }
    }
  }

  private static func echo(_ client: ClientConnection) async -> Result<[UInt8], CallError> {
    do {
      return .success(try await client.unary("s", "m", []))
    } catch {
      return .failure(error)
    }
  }
}
