// Text is UTF-8 without NUL, and an error names the field.
import Testing

@testable import TallyMessages

@Suite("Text") struct TextTests {
  static let malformed: [[UInt8]] = [
    [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x9F, 0xBF],
    [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xEF, 0xBF], [0xF0, 0x8F, 0xBF, 0xBF],
    [0xF0, 0x9F, 0xA7], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
    [0xE2, 0x28, 0xA1], [0xF0, 0x9F, 0x28, 0xBE],
  ]

  @Test("malformed UTF-8 is refused wherever it stands", arguments: malformed)
  func notUTF8(bytes: [UInt8]) {
    for lead in 0..<18 {
      for trail in 0..<10 {
        let text = [UInt8](repeating: 0x61, count: lead) + bytes + [UInt8](repeating: 0x61, count: trail)
        let message = Wire.field(1, text)
        #expect(
          decodeError { () throws(DecodeError) in try TallystickV1.ConsumeRequest.decode(message) }
            == .invalidUTF8(field: "user_id"))
      }
    }
  }

  @Test("the ends of every range of code points are accepted")
  func wellFormed() throws {
    let text = "\u{1}\u{7F}\u{80}\u{7FF}\u{800}\u{D7FF}\u{E000}\u{FFFF}\u{10000}\u{10FFFF}"
    #expect(try TallystickV1.ConsumeRequest.decode(Wire.field(1, text)).userId == text)
  }

  @Test("a NUL is refused wherever it stands")
  func containsNUL() {
    for size in 1..<40 {
      for place in 0..<size {
        var text = [UInt8](repeating: 0x7F, count: size)
        text[place] = 0
        let message = Wire.field(1, text)
        #expect(
          decodeError { () throws(DecodeError) in try TallystickV1.ConsumeRequest.decode(message) }
            == .containsNUL(field: "user_id"))
      }
    }
  }

  @Test("the check agrees with the standard library on random bytes")
  func agreesWithStandardLibrary() {
    var chance = Chance(seed: 1)
    // Bytes that make and break sequences, so that well-formed ones are not rare.
    let alphabet: [UInt8] = [
      0x01, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF1,
      0xF4,
    ]
    var wellFormed = 0
    for _ in 0..<100_000 {
      let count = Int.random(in: 0...12, using: &chance)
      let bytes = (0..<count).map { _ in alphabet.randomElement(using: &chance) ?? 0x41 }
      let expected = String(validating: bytes, as: UTF8.self) != nil
      let fault = unsafe bytes.withUnsafeBufferPointer { unsafe Text.check($0) }
      #expect(fault == (expected ? nil : .notUTF8), "\(bytes)")
      if expected { wellFormed += 1 }
    }
    #expect(wellFormed > 5_000)
  }

  @Test("the error names the field by its path")
  func path() {
    let bad: [UInt8] = [0xFF]
    let nul: [UInt8] = [0x61, 0]
    let good = Wire.field(1, "u1")
    let entry = Wire.field(1, "key") + Wire.field(2, bad)
    #expect(
      decodeError { () throws(DecodeError) in
        try TallystickV1.BatchConsumeRequest.decode(
          Wire.field(1, good) + Wire.field(1, good + Wire.field(3, nul)))
      } == .containsNUL(field: "items[1].idempotency_key"))
    #expect(
      decodeError { () throws(DecodeError) in
        try TallystickV1.BatchConsumeRequest.decode(Wire.field(1, good + Wire.field(6, entry)))
      } == .invalidUTF8(field: "items[0].metadata.value"))
    #expect(
      decodeError { () throws(DecodeError) in
        try TallystickV1.BatchGetBalancesRequest.decode(
          Wire.field(1, "a") + Wire.field(1, "b") + Wire.field(1, bad))
      } == .invalidUTF8(field: "user_ids[2]"))
    #expect(
      decodeError { () throws(DecodeError) in
        try TallystickV1.BatchConsumeResponse.decode(
          Wire.field(1, Wire.field(2, Wire.field(3, Wire.field(1, nul)))))
      } == .containsNUL(field: "results[0].error.info.reason"))
    #expect(
      decodeError { () throws(DecodeError) in
        try GrpcReflectionV1.ServerReflectionRequest.decode(Wire.field(7, bad))
      } == .invalidUTF8(field: "list_services"))
  }

  @Test("bytes may hold anything")
  func bytes() throws {
    let body: [UInt8] = [0, 0xFF, 0]
    #expect(try TallystickTestingV1.EchoRequest.decode(Wire.field(3, body)).body == body)
  }
}
