// Messages: what decodes is encoded to bytes that mean the same, here and by the message's descriptor.
//
// Input: two bytes that choose the message's type, and its bytes.

import TallyProtoJSON

@testable import TallyMessages

enum MessageFuzz {
  /// The types by a hash of their names, so that a new one moves few inputs to another type.
  private static let types: [(hash: UInt16, type: any Message.Type)] = messageTypes.map {
    (hash($0.fullName), $0)
  }.sorted { $0.hash < $1.hash }

  private static func hash(_ name: String) -> UInt16 {
    let hash = name.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
    return UInt16(truncatingIfNeeded: hash >> 16 ^ hash)
  }

  /// The two bytes that choose a type.
  static func choice(_ name: String) -> [UInt8] {
    let hash = hash(name)
    return [UInt8(hash >> 8), UInt8(truncatingIfNeeded: hash)]
  }

  static func type(_ choice: UInt16) -> any Message.Type {
    (types.first { $0.hash >= choice } ?? types[0]).type
  }

  /// The descriptors of all messages.
  static let pool: DescriptorPool = {
    var pool = DescriptorPool()
    for file in EmbeddedDescriptors.fileDescriptors { try? pool.add(file: file.serialized) }
    return pool
  }()

  static func run(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let type = type(input.number())
    guard let message = try? type.decode(Array(input.rest)) else { return }
    let written = message.encode()
    try require(written.count <= input.rest.count * 11 + 16, "\(type.fullName) does not grow")
    try require(
      try type.decode(written).encode() == written, "\(type.fullName) is the same after a round trip")
    let json = try MessageDecoder(pool: pool).decode(written, as: type.fullName)
    let encoded = try MessageEncoder(pool: pool).encode(json, as: type.fullName)
    try require(
      try type.decode(encoded).encode() == written, "\(type.fullName) is the same after a way through JSON")
  }
}
