// Cuts a byte stream into frames: bytes in, frames out, wherever the cuts of the reads fall.
//
// Invariants:
// 1. A frame that lies whole in one read is handed on in place; only a frame cut by reads is copied.
// 2. Memory grows with what has arrived, never with what a header declares.
// 3. The body of a frame over the limit is dropped as it arrives; the frames after it are not affected.
// 4. After a violation the stream of bytes has lost its meaning: the parser takes no more.
//
// Owner: the queue of the connection that feeds it.

/// Why the bytes cannot be read any further; the connection is to be closed.
enum FrameViolation: Error, Equatable {
  /// The first byte of a header is not zero.
  case lengthByte(UInt8)
}

enum FrameEvent: Equatable {
  /// A whole frame; its payload is handed along.
  case frame(FrameHeader)
  /// A frame over the limit began; its body will be dropped.
  case oversize(FrameHeader)
}

struct FrameParser {
  /// Storage above this many bytes is given back once its frame is done.
  static let keptByteCount = 16 << 10

  let maximumLength: Int
  /// The cut frame's bytes so far: header and payload.
  private var held: [UInt8] = []
  private var discardByteCount = 0
  private var isBroken = false
  /// Frames that were begun: tells one cut frame from the next.
  private(set) var frameCount: UInt64 = 0

  init(maximumLength: Int) {
    self.maximumLength = min(maximumLength, FrameHeader.maximumLength)
  }

  /// A frame has begun and not ended.
  var isMidFrame: Bool { !held.isEmpty || discardByteCount > 0 }
  var heldByteCount: Int { held.count }
  /// What the cut frame lacks, as far as its header is there.
  var missingByteCount: Int {
    guard discardByteCount == 0, held.count >= FrameHeader.byteCount else { return discardByteCount }
    return FrameHeader.byteCount + FrameHeader(held.span, at: 0).length - held.count
  }

  /// Takes a read's bytes and hands on what is whole. `handle` returns false to stop after that frame.
  /// Returns how many bytes were taken: all of them, unless it was stopped.
  mutating func consume(
    _ input: Span<UInt8>, _ handle: (FrameEvent, Span<UInt8>) -> Bool
  ) throws(FrameViolation) -> Int {
    if isBroken { return input.count }
    var offset = 0
    while offset < input.count {
      if discardByteCount > 0 {
        let dropped = min(discardByteCount, input.count - offset)
        discardByteCount -= dropped
        offset += dropped
        continue
      }
      let goOn =
        held.isEmpty
        ? try takeInPlace(input, &offset, handle) : try takeHeld(input, &offset, handle)
      if !goOn { break }
    }
    return offset
  }

  private mutating func takeInPlace(
    _ input: Span<UInt8>, _ offset: inout Int, _ handle: (FrameEvent, Span<UInt8>) -> Bool
  ) throws(FrameViolation) -> Bool {
    try check(firstByte: input[offset])
    frameCount &+= 1
    let available = input.count - offset
    guard available >= FrameHeader.byteCount else {
      hold(input.extracting(offset..<input.count), &offset)
      return true
    }
    let header = FrameHeader(input, at: offset)
    if header.length > maximumLength {
      offset += FrameHeader.byteCount
      return discard(header, handle)
    }
    let end = offset + FrameHeader.byteCount + header.length
    guard end <= input.count else {
      hold(input.extracting(offset..<input.count), &offset)
      return true
    }
    let payload = input.extracting((offset + FrameHeader.byteCount)..<end)
    offset = end
    return handle(.frame(header), payload)
  }

  private mutating func takeHeld(
    _ input: Span<UInt8>, _ offset: inout Int, _ handle: (FrameEvent, Span<UInt8>) -> Bool
  ) throws(FrameViolation) -> Bool {
    if held.count < FrameHeader.byteCount {
      let wanted = min(FrameHeader.byteCount - held.count, input.count - offset)
      hold(input.extracting(offset..<(offset + wanted)), &offset)
      if held.count < FrameHeader.byteCount { return true }
    }
    let header = FrameHeader(held.span, at: 0)
    if header.length > maximumLength {
      held.removeAll(keepingCapacity: true)
      return discard(header, handle)
    }
    let wanted = FrameHeader.byteCount + header.length - held.count
    let taken = min(wanted, input.count - offset)
    hold(input.extracting(offset..<(offset + taken)), &offset)
    if taken < wanted { return true }
    let goOn = handle(.frame(header), held.span.extracting(FrameHeader.byteCount..<held.count))
    held.removeAll(keepingCapacity: held.capacity <= Self.keptByteCount)
    return goOn
  }

  /// Gives up the cut frame: what has arrived of it is let go, the rest is dropped as it arrives.
  /// Returns its header; nil when that is not whole itself.
  mutating func dropCutFrame() -> FrameHeader? {
    guard held.count >= FrameHeader.byteCount else { return nil }
    let header = FrameHeader(held.span, at: 0)
    discardByteCount = FrameHeader.byteCount + header.length - held.count
    held = []
    return header
  }

  private mutating func check(firstByte: UInt8) throws(FrameViolation) {
    if firstByte != 0 {
      isBroken = true
      throw .lengthByte(firstByte)
    }
  }

  private mutating func discard(
    _ header: FrameHeader, _ handle: (FrameEvent, Span<UInt8>) -> Bool
  ) -> Bool {
    discardByteCount = header.length
    return handle(.oversize(header), Span<UInt8>())
  }

  private mutating func hold(_ bytes: Span<UInt8>, _ offset: inout Int) {
    held.append(bytes)
    offset += bytes.count
  }
}
