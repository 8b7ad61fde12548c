// Messages that were made to hurt: each is refused, or read in bounded memory.
import Testing

@testable import TallyMessages

@Suite("Attack") struct AttackTests {
  static let maximumMessageBytes = 4 << 20

  @Test("nested unknown groups are refused without recursion")
  func nestedGroups() {
    let message = [UInt8](repeating: 99 << 3 & 0x78 | 3, count: Self.maximumMessageBytes)
    #expect(
      decodeError { () throws(DecodeError) in try TallystickV1.ConsumeRequest.decode(message) } == .malformed)
    let closed =
      [UInt8](repeating: 0x7B, count: 1 << 20) + [UInt8](repeating: 0x7C, count: 1 << 20)
    #expect(
      decodeError { () throws(DecodeError) in try TallystickV1.ConsumeRequest.decode(closed) } == .malformed)
  }

  @Test("unknown fields, empty submessages and map entries stop at the budget")
  func amplification() {
    let limit = DecodeLimit.budgetBytes(messageBytes: Self.maximumMessageBytes)
    func isRefused(_ message: [UInt8]) -> Bool {
      let error = decodeError { () throws(DecodeError) in
        try TallystickV1.BatchConsumeRequest.decode(message)
      }
      guard case .budgetExceeded(let bytes) = error else { return false }
      return bytes <= limit
    }
    #expect(isRefused(repeated(Wire.field(99, varint: 0), toSize: Self.maximumMessageBytes)))
    #expect(isRefused(repeated(Wire.field(99, [] as [UInt8]), toSize: Self.maximumMessageBytes)))
    #expect(isRefused(repeated(Wire.field(1, [] as [UInt8]), toSize: Self.maximumMessageBytes)))
    let entries = repeated(Wire.field(6, [] as [UInt8]), toSize: Self.maximumMessageBytes - 8)
    #expect(isRefused(Wire.field(1, entries)))
  }

  @Test("a singular submessage that repeats is refused, not merged")
  func merging() {
    let lots = repeated(Wire.field(7, Wire.field(1, varint: 8)), toSize: 100)
    for (count, limit) in [(2, false), (1_000, false), (40_000, true)] {
      let message = Array(repeatElement(Wire.field(1, lots), count: count).joined())
      let error = decodeError { () throws(DecodeError) in try TallystickV1.ConsumeResponse.decode(message) }
      let budget = DecodeLimit.budgetBytes(messageBytes: message.count)
      #expect(error == (limit ? .budgetExceeded(limitBytes: budget) : .duplicateField(field: "transaction")))
    }
    // protobuf-c's own merge reads outside its tables when neither has set a oneof.
    let balance = Wire.field(2, Wire.field(1, "u1"))
    let result = Wire.field(1, Wire.field(1, balance + balance))
    #expect(
      decodeError { () throws(DecodeError) in try TallystickV1.BatchConsumeResponse.decode(result) }
        == .duplicateField(field: "results[0].applied.balance"))
  }

  @Test("of a oneof's members the last one counts")
  func lastOfOneof() throws {
    let error = Wire.field(2, Wire.field(1, varint: 9))
    let applied = Wire.field(1, Wire.field(4, varint: 7))
    var expected = TallystickV1.ConsumeResponse()
    expected.commitSequence = 7
    let last = try TallystickV1.ConsumeResult.decode(error + applied + error + error + applied)
    #expect(last.result == .applied(expected))
    typealias Request = GrpcReflectionV1.ServerReflectionRequest
    let name = Wire.field(3, "a-file-name-of-some-length")
    let services = Wire.field(7, "")
    #expect(try Request.decode(name + services).messageRequest == .listServices(""))
    let number = Wire.field(5, Wire.field(2, varint: 7))
    #expect(
      try Request.decode(number + name).messageRequest == .fileByFilename("a-file-name-of-some-length"))
  }

  @Test("every cut of a message is refused or read, and its own fields never run over")
  func truncated() throws {
    var sizes = 0
    for (name, bytes) in try Vectors.read() where bytes.count < 600 {
      let type = try Vectors.type(name)
      for size in 0..<bytes.count {
        let error = decodeError { () throws(DecodeError) in try type.decode(Array(bytes[..<size])) }
        #expect(error == nil || error == .malformed || error.isOfContent, "\(name) \(size)")
        sizes += 1
      }
    }
    #expect(sizes > 10_000)
  }

  @Test("a length that runs past the end, or past 64 bits, is refused")
  func lengths() {
    let lies: [[UInt8]] = [
      [0x0A], [0x0A, 0x05, 0x61], [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
      [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
      [UInt8](repeating: 0xFF, count: 20), [0x00, 0x01], [0x10, 0x80], [0x0B], [0x0E], [0x0F],
    ]
    for lie in lies {
      #expect(
        decodeError { () throws(DecodeError) in try TallystickV1.ConsumeRequest.decode(lie) } == .malformed,
        "\(lie)")
    }
  }

  @Test("random changes of good messages never crash the decoder")
  func mutations() throws {
    var chance = Chance(seed: 7)
    let vectors = try Vectors.read().filter { !$0.bytes.isEmpty }
    for round in 0..<30_000 {
      var (name, bytes) = vectors[round % vectors.count]
      for _ in 0..<Int.random(in: 1...4, using: &chance) {
        let place = Int.random(in: 0..<bytes.count, using: &chance)
        bytes[place] = UInt8.random(in: 0...255, using: &chance)
      }
      // Either is right; what is read must be writable and read the same again.
      let type = try Vectors.type(name)
      guard let message = try? type.decode(bytes) else { continue }
      #expect(throws: Never.self) { try type.decode(message.encode()) }
    }
  }
}

extension DecodeError? {
  var isOfContent: Bool {
    switch self {
    case .invalidUTF8, .containsNUL, .duplicateField: true
    case .malformed, .budgetExceeded, .outOfMemory, nil: false
    }
  }
}
