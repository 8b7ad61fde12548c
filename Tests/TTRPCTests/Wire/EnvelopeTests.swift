// The two envelopes: what they hold, and what is refused.

import Testing

@testable import TTRPC

@Suite("Envelopes")
struct EnvelopeTests {
  @Test("a request comes back as it went, at every size of its parts", arguments: [0, 1, 127, 128, 16384])
  func request(size: Int) throws {
    let payload = [UInt8](repeating: 3, count: size)
    let name = String(repeating: "s", count: max(1, size % 1000))
    let pairs = [
      MetadataPair(key: "a", value: name), MetadataPair(key: "a", value: ""),
      MetadataPair(key: "é", value: "日本"),
    ]
    let bytes = RequestEnvelope.encode(
      service: name, method: "M", payload: payload, timeoutNanoseconds: Int64(size) << 30,
      metadata: pairs)
    let decoded = try RequestEnvelope(bytes.span)
    #expect(Array(bytes[decoded.service]) == Array(name.utf8))
    #expect(Array(bytes[decoded.method]) == Array("M".utf8))
    #expect(Array(bytes[decoded.payload]) == payload)
    #expect(decoded.timeoutNanoseconds == Int64(size) << 30)
    #expect(decoded.metadata == pairs)
  }

  @Test("a negative timeout is ten bytes of varint and comes back negative")
  func negativeTimeout() throws {
    let bytes = RequestEnvelope.encode(
      service: "s", method: "m", payload: [], timeoutNanoseconds: -1, metadata: [])
    #expect(try RequestEnvelope(bytes.span).timeoutNanoseconds == -1)
  }

  @Test("a status comes back with its message and details")
  func status() throws {
    for code in StatusCode.allCases where code != .ok {
      let status = Status(
        code, "naïve \u{1F600}\t\r\n",
        details: [
          StatusDetail(typeURL: "type.googleapis.com/x", value: [1, 2, 0]),
          StatusDetail(typeURL: "", value: [UInt8](repeating: 9, count: 300)),
        ])
      let bytes = ResponseEnvelope.encode(status)
      #expect(
        try ResponseEnvelope(bytes.span)
          == {
            var expected = try ResponseEnvelope([UInt8]().span)
            expected.status = status
            return expected
          }())
    }
  }

  @Test("a failure with OK goes as unknown")
  func okFailure() throws {
    #expect(try ResponseEnvelope(ResponseEnvelope.encode(Status(.ok)).span).status?.code == .unknown)
  }

  @Test("no status, an empty status and code 0 are all success")
  func success() throws {
    for bytes in [[], [0x0A, 0], [0x0A, 2, 8, 0], [0x0A, 2, 8, 0, 0x12, 1, 7]] as [[UInt8]] {
      #expect(try ResponseEnvelope(bytes.span).status == nil)
    }
  }

  @Test("a code beyond 16 is taken for unknown")
  func unknownCode() throws {
    #expect(try ResponseEnvelope([0x0A, 2, 8, 17].span).status?.code == .unknown)
  }

  static let malformedRequests: [(name: String, bytes: [UInt8])] = [
    ("a cut tag", [0x80]),
    ("a cut length", [0x0A]),
    ("a cut string", [0x0A, 2, 0x61]),
    ("a length of 2^63", [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]),
    ("field number zero", [0x02, 0]),
    ("a field number over 29 bits", [0xFA, 0xFF, 0xFF, 0xFF, 0x1F, 0]),
    ("a group", [0x33, 0x34]),
    ("wire type 6", [0x36]),
    ("a cut fixed64", [0x31, 1, 2, 3]),
    ("a cut fixed32", [0x35, 1]),
    ("service as a number", [0x08, 1]),
    ("method as a number", [0x10, 1]),
    ("payload as a number", [0x18, 1]),
    ("timeout as bytes", [0x22, 1, 1]),
    ("metadata as a number", [0x28, 1]),
    ("a varint of eleven bytes", [0x20] + [UInt8](repeating: 0x80, count: 10) + [1]),
    ("a varint over 64 bits", [0x20] + [UInt8](repeating: 0xFF, count: 9) + [2]),
    ("a metadata key that is not UTF-8", [0x2A, 3, 0x0A, 1, 0xFF]),
    ("a metadata value with a NUL", [0x2A, 3, 0x12, 1, 0]),
    ("a pair that goes past its end", [0x2A, 2, 0x0A, 1, 0x61]),
    ("a pair whose key is a number", [0x2A, 2, 0x08, 1]),
  ]

  @Test("a malformed request is refused", arguments: 0..<malformedRequests.count)
  func malformed(index: Int) {
    let (name, bytes) = Self.malformedRequests[index]
    #expect(throws: MalformedEnvelope.self, "\(name)") { try RequestEnvelope(bytes.span) }
  }

  @Test("unknown fields are skipped, of repeated ones the last counts")
  func liberal() throws {
    let bytes: [UInt8] = [
      0x30, 5, 0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x45, 1, 2, 3, 4, 0x4A, 1, 1,
      0x0A, 1, 0x61, 0x0A, 1, 0x62,
    ]
    let envelope = try RequestEnvelope(bytes.span)
    #expect(Array(bytes[envelope.service]) == [0x62])
  }

  @Test("metadata is bounded at the limit")
  func metadataLimit() throws {
    let pair: [UInt8] = [0x2A, 0]
    let full = (0..<RequestEnvelope.maximumMetadataCount).flatMap { _ in pair }
    #expect(try RequestEnvelope(full.span).metadata.count == RequestEnvelope.maximumMetadataCount)
    let over = full + pair
    #expect(throws: MalformedEnvelope.self) { try RequestEnvelope(over.span) }
  }

  @Test("details are bounded at the limit")
  func detailLimit() throws {
    func bytes(_ count: Int) -> [UInt8] {
      let body = (0..<count).flatMap { _ in [0x1A, 0] as [UInt8] }
      return [0x0A, 0x80 | UInt8((body.count + 2) & 0x7F), UInt8((body.count + 2) >> 7), 8, 5] + body
    }
    let limit = ResponseEnvelope.maximumDetailCount
    #expect(try ResponseEnvelope(bytes(limit).span).status?.details.count == limit)
    #expect(throws: MalformedEnvelope.self) { try ResponseEnvelope(bytes(limit + 1).span) }
  }

  @Test("random bytes never crash a decoder")
  func random() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20000 {
      let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      _ = try? RequestEnvelope(bytes.span)
      _ = try? ResponseEnvelope(bytes.span)
    }
  }
}
