// proto/vectors/messages: what Google's implementation wrote.
import Glibc
import Testing

@testable import TallyMessages

enum Vectors {
  struct Missing: Error {
    let what: String
  }

  /// Every line of messages.txt.
  static func read() throws -> [(name: String, bytes: [UInt8])] {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let path = "/\(root)/proto/vectors/messages/messages.txt"
    guard let file = unsafe fopen(path, "r") else { throw Missing(what: path) }
    defer { unsafe fclose(file) }
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe fread(&chunk, 1, chunk.count, file)
      if count == 0 { break }
      text += chunk[..<count]
    }
    return try text.split(separator: 0x0A).filter { $0.first != 0x23 }.map { line in
      let words = String(decoding: line, as: UTF8.self).split(separator: " ")
      guard words.count == 2 else { throw Missing(what: "a name and bytes") }
      return (String(words[0]), words[1] == "-" ? [] : try bytes(hex: words[1]))
    }
  }

  static func bytes(hex: Substring) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = hex
    while !rest.isEmpty {
      guard let byte = UInt8(rest.prefix(2), radix: 16) else { throw Missing(what: "hex") }
      bytes.append(byte)
      rest = rest.dropFirst(2)
    }
    return bytes
  }

  /// The Swift type of a message's full name.
  static func type(_ name: String) throws -> any Message.Type {
    guard let type = byName[name] else { throw Missing(what: name) }
    return type
  }

  private static let byName = Dictionary(
    uniqueKeysWithValues: messageTypes.map { ($0.fullName, $0) })
}
