// A known field of a wire type that is not its own.
//
// Protobuf's libraries take such a field for an unknown one and drop it. Here the message is refused, for
// every kind of field: who sends one speaks of another message, and a dropped amount or condition would do
// something else than what was meant.

import Testing

@testable import TallyMessages

@Suite("Wire types") struct WireTypeTests {
  /// A field's contents by wire type: what a decoder takes up without looking further.
  private static let contents: [UInt64: [UInt8]] = [
    0: [1], 1: [1, 0, 0, 0, 0, 0, 0, 0], 2: [1, 1], 5: [1, 0, 0, 0],
  ]

  private static func refused<M: Message>(_ type: M.Type, _ field: UInt64, except right: Set<UInt64>) -> Bool
  {
    contents.allSatisfy { wireType, content in
      let error = decodeError { () throws(DecodeError) in
        try type.decode(Wire.varint(field << 3 | wireType) + content)
      }
      return right.contains(wireType) ? error == nil : error == .malformed
    }
  }

  @Test("a field of another wire type is refused, whatever its kind: a bool too")
  func everyKind() {
    for (name, isRefused) in [
      ("SavePageRequest.force", Self.refused(TallystickV1.SavePageRequest.self, 6, except: [0])),
      ("DeleteMediaRequest.detach", Self.refused(TallystickV1.DeleteMediaRequest.self, 2, except: [0])),
      ("GetPageRequest.include_deleted", Self.refused(TallystickV1.GetPageRequest.self, 3, except: [0])),
      ("CreateMediaRequest.width", Self.refused(TallystickV1.CreateMediaRequest.self, 4, except: [0])),
      ("ConsumeRequest.amount_micros", Self.refused(TallystickV1.ConsumeRequest.self, 2, except: [0])),
      ("ListMediaRequest.source", Self.refused(TallystickV1.ListMediaRequest.self, 2, except: [0])),
      ("ListMediaRequest.limit", Self.refused(TallystickV1.ListMediaRequest.self, 3, except: [0])),
      ("ConsumeRequest.user_id", Self.refused(TallystickV1.ConsumeRequest.self, 1, except: [2])),
    ] { #expect(isRefused, "\(name)") }
  }

  @Test("a bool is true for every number but zero, of any length, and goes out as one")
  func bools() throws {
    for (number, value) in [(UInt64(0), false), (1, true), (2, true), (1 << 32, true), (.max, true)] {
      #expect(try TallystickV1.SavePageRequest.decode(Wire.field(6, varint: number)).force == value)
    }
    var request = TallystickV1.SavePageRequest()
    request.force = true
    #expect(request.encode() == Wire.field(6, varint: 1))
    request.force = false
    #expect(request.encode().isEmpty)
  }
}
