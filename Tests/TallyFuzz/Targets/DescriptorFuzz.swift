// Descriptors as a server's reflection sends them, and messages that are read by them.
//
// Input: the descriptor's length in two bytes, the descriptor (a FileDescriptorProto), and a message's bytes.

@testable import TTRPC
@testable import TallyProtoJSON

enum DescriptorFuzz {
  /// Of the types that a descriptor declares, so many read the message.
  private static let readerCount = 8

  static func run(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let file = input.bytes(Int(input.number()))
    let message = Array(input.rest)
    _ = try? DescriptorFile.files(descriptorSet: message)
    var pool = DescriptorPool()
    do throws(WireError) { try pool.add(file: file) } catch { return }
    for name in pool.messages.keys.sorted().prefix(readerCount) {
      for writesDefaults in [false, true] {
        let decoder = MessageDecoder(pool: pool, writesDefaults: writesDefaults)
        guard let json = try? decoder.decode(message, as: name) else { continue }
        try require(try JSON.parse(json.compact) == json, "what \(name) says is JSON")
        _ = try? MessageEncoder(pool: pool).encode(json, as: name)
      }
    }
  }
}
