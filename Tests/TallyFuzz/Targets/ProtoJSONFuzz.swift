// proto3 JSON by descriptor: what is taken for a message comes back as JSON of that message, and the
// generated code reads the same in its bytes.
//
// Input: two bytes that choose the message's type, and JSON text.

import TallyMessages

@testable import TallyProtoJSON

enum ProtoJSONFuzz {
  static func run(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let type = MessageFuzz.type(input.number())
    let encoder = MessageEncoder(pool: MessageFuzz.pool)
    guard let text = input.text, let json = try? JSON.parse(text),
      let encoded = try? encoder.encode(json, as: type.fullName)
    else { return }
    let decoder = MessageDecoder(pool: MessageFuzz.pool)
    let again = try encoder.encode(try decoder.decode(encoded, as: type.fullName), as: type.fullName)
    // The generated code refuses what JSON may hold: a NUL in a text, keys that look the same.
    guard let message = try? type.decode(encoded) else { return }
    try require(
      try type.decode(again).encode() == message.encode(), "\(type.fullName) is the same after a round trip")
  }
}
