// Frames: bytes that come in any pieces mean what they mean in one piece.
//
// Input: the limit in units of 16 bytes, how the bytes are cut, and the bytes.

@testable import TTRPC

enum FrameFuzz {
  private struct Seen: Equatable {
    var events: [FrameEvent] = []
    var payloads: [[UInt8]] = []
    var violation: FrameViolation?
  }

  static func run(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let limit = Int(input.byte()) * 16
    let cut = input.byte()
    let stream = Array(input.rest)
    let whole = try parse(stream, limit, cut: nil)
    try require(whole == expected(stream, limit), "frames are cut where their headers say")
    try require(try parse(stream, limit, cut: cut) == whole, "where reads are cut makes no difference")
  }

  /// Parses in pieces that `cut` chooses: their sizes, and whether the parser is stopped after each frame.
  private static func parse(_ stream: [UInt8], _ limit: Int, cut: UInt8?) throws -> Seen {
    var parser = FrameParser(maximumLength: limit)
    var seen = Seen()
    var state = cut.map { UInt32($0) &* 2_654_435_761 &+ 1 }
    var rest = stream[...]
    while !rest.isEmpty {
      state = state.map { $0 &* 1_664_525 &+ 1_013_904_223 }
      var piece = Array(rest.prefix(state.map { 1 + Int($0 >> 16) % 23 } ?? rest.count))
      let stops = state.map { $0 >> 30 == 0 } ?? false
      rest = rest.dropFirst(piece.count)
      while !piece.isEmpty {
        do throws(FrameViolation) {
          let taken = try parser.consume(piece.span) { event, payload in
            seen.events.append(event)
            seen.payloads.append([UInt8](payload))
            return !stops
          }
          piece.removeFirst(taken)
        } catch {
          seen.violation = error
          return seen
        }
      }
      try require(parser.heldByteCount < limit + FrameHeader.byteCount, "only a cut frame is held")
    }
    return seen
  }

  /// The same by the book, one frame after the other.
  private static func expected(_ stream: [UInt8], _ limit: Int) -> Seen {
    var seen = Seen()
    var rest = stream[...]
    while let first = rest.first {
      if first != 0 {
        seen.violation = .lengthByte(first)
        break
      }
      guard rest.count >= 10 else { break }
      let header = FrameHeader(rest.span, at: 0)
      rest = rest.dropFirst(10)
      if header.length > limit {
        seen.events.append(.oversize(header))
        seen.payloads.append([])
      } else if rest.count >= header.length {
        seen.events.append(.frame(header))
        seen.payloads.append(Array(rest.prefix(header.length)))
      }
      rest = rest.dropFirst(header.length)
    }
    return seen
  }
}
