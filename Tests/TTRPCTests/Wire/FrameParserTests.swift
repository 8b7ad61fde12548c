// The parser of frames, fed every way bytes can come.

import Testing

@testable import TTRPC

@Suite("Frame parser")
struct FrameParserTests {
  struct Seen: Equatable {
    var events: [FrameEvent] = []
    var payloads: [[UInt8]] = []
  }

  /// Feeds `bytes` in pieces of `size`.
  func parse(_ bytes: [UInt8], by size: Int, limit: Int = 1024) throws -> (Seen, FrameParser) {
    var parser = FrameParser(maximumLength: limit)
    var seen = Seen()
    var offset = 0
    while offset < bytes.count {
      let piece = Array(bytes[offset..<min(offset + size, bytes.count)])
      let taken = try parser.consume(piece.span) { event, payload in
        seen.events.append(event)
        seen.payloads.append([UInt8](payload))
        return true
      }
      #expect(taken == piece.count)
      offset += size
    }
    return (seen, parser)
  }

  func header(_ length: Int, _ id: UInt32, _ type: UInt8 = 1, _ flags: UInt8 = 0) -> FrameHeader {
    FrameHeader(length: length, streamId: id, type: type, flags: flags)
  }

  @Test("the header is ten bytes, big-endian")
  func layout() throws {
    let bytes: [UInt8] = [0, 1, 2, 3, 0x81, 0x82, 0x83, 0x84, 3, 5]
    let header = FrameHeader(bytes.span, at: 0)
    #expect(header == FrameHeader(length: 0x10203, streamId: 0x8182_8384, type: 3, flags: 5))
    var encoded: [UInt8] = []
    encoded.append(addingCapacity: 10) { header.append(to: &$0) }
    #expect(encoded == bytes)
  }

  @Test("frames are the same wherever the reads cut them")
  func everyCut() throws {
    let frames = [
      RawFrame(streamId: 1, type: 1, payload: [1, 2, 3]),
      RawFrame(streamId: 3, type: 3, flags: 5),
      RawFrame(streamId: 5, type: 9, flags: 255, payload: [UInt8](repeating: 4, count: 300)),
    ]
    let bytes = frames.flatMap(\.bytes)
    let expected = Seen(
      events: [.frame(header(3, 1)), .frame(header(0, 3, 3, 5)), .frame(header(300, 5, 9, 255))],
      payloads: frames.map(\.payload))
    for size in 1...bytes.count {
      let (seen, parser) = try parse(bytes, by: size)
      #expect(seen == expected)
      #expect(!parser.isMidFrame)
      #expect(parser.frameCount == 3)
    }
  }

  @Test("what a cut frame lacks is known from its header on")
  func missing() throws {
    let frame = RawFrame(streamId: 1, type: 1, payload: [UInt8](repeating: 1, count: 100)).bytes
    let over = RawFrame(streamId: 3, type: 1, payload: [UInt8](repeating: 2, count: 2_000)).bytes
    for (bytes, count) in [
      (frame, 0), (Array(frame.prefix(9)), 0), (Array(frame.prefix(10)), 100), (Array(frame.prefix(70)), 40),
      (Array(over.prefix(11)), 1_999), (frame + frame.prefix(109), 1),
    ] {
      for size in [1, bytes.count] {
        #expect(try parse(bytes, by: size).1.missingByteCount == count, "\(bytes.count) bytes by \(size)")
      }
    }
  }

  @Test("a length at the limit passes, one more is dropped as it arrives")
  func limit() throws {
    let atLimit = RawFrame(streamId: 1, type: 1, payload: [UInt8](repeating: 1, count: 64))
    let over = RawFrame(streamId: 3, type: 1, payload: [UInt8](repeating: 2, count: 65))
    let next = RawFrame(streamId: 5, type: 1, payload: [3])
    let bytes = [atLimit, over, next].flatMap(\.bytes)
    for size in 1...bytes.count {
      let (seen, parser) = try parse(bytes, by: size, limit: 64)
      #expect(
        seen.events == [.frame(header(64, 1)), .oversize(header(65, 3)), .frame(header(1, 5))])
      #expect(!parser.isMidFrame)
    }
  }

  @Test("memory grows with what arrives, not with what is declared")
  func declared() throws {
    let declared = RawFrame(streamId: 1, type: 1, payload: [UInt8](repeating: 1, count: 1000))
    let (seen, parser) = try parse(Array(declared.bytes.prefix(110)), by: 1)
    #expect(seen.events.isEmpty)
    #expect(parser.isMidFrame)
    #expect(parser.heldByteCount == 110)
    let over = RawFrame(streamId: 1, type: 1, payload: [UInt8](repeating: 1, count: 5000))
    let (_, dropping) = try parse(Array(over.bytes.prefix(3000)), by: 7)
    #expect(dropping.isMidFrame)
    #expect(dropping.heldByteCount == 0)
  }

  @Test("a first byte that is not zero is a violation", arguments: [1, 0x47, 0xFF] as [UInt8])
  func violation(first: UInt8) {
    let bytes = RawFrame(streamId: 1, type: 1, payload: [9]).bytes + [first]
    var parser = FrameParser(maximumLength: 64)
    var count = 0
    #expect(throws: FrameViolation.lengthByte(first)) {
      _ = try parser.consume(bytes.span) { _, _ in
        count += 1
        return true
      }
    }
    #expect(count == 1)
    // Nothing that follows has a meaning.
    let rest = RawFrame(streamId: 3, type: 1).bytes
    #expect(throws: Never.self) {
      _ = try parser.consume(rest.span) { _, _ in
        count += 1
        return true
      }
    }
    #expect(count == 1)
  }

  @Test("a stop leaves the rest to a later call")
  func stop() throws {
    let bytes = (0..<3).flatMap { RawFrame(streamId: UInt32(2 * $0 + 1), type: 1, payload: [7]).bytes }
    var parser = FrameParser(maximumLength: 64)
    var ids: [UInt32] = []
    var offset = 0
    var rounds = 0
    while offset < bytes.count {
      offset += try parser.consume(bytes.span.extracting(offset..<bytes.count)) { event, _ in
        if case .frame(let header) = event { ids.append(header.streamId) }
        return false
      }
      rounds += 1
    }
    #expect(ids == [1, 3, 5])
    #expect(rounds == 3)
  }

  @Test("random bytes in random pieces neither crash nor grow")
  func random() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      var parser = FrameParser(maximumLength: 256)
      for _ in 0..<8 {
        var piece = (0..<Int.random(in: 0...64, using: &generator)).map { _ in
          UInt8.random(in: 0...255, using: &generator)
        }
        if !piece.isEmpty, Bool.random(using: &generator) { piece[0] = 0 }
        do {
          _ = try parser.consume(piece.span) { _, _ in true }
        } catch {
          break
        }
        #expect(parser.heldByteCount <= FrameHeader.byteCount + 256)
      }
    }
  }
}
