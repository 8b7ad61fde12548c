// The vectors of proto/vectors/frames, read as its README says.

import Glibc
import Testing

struct Vector: Sendable, CustomTestStringConvertible {
  struct Step: Sendable {
    var words: [String]
    var line: Int
  }

  var file: String
  var name: String
  var steps: [Step] = []

  var endsInClose: Bool { steps.last.map { $0.words == ["expect", "close"] } ?? false }
  var testDescription: String { "\(file): \(name)" }

  static func read(_ file: String) -> [Vector] {
    let path = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
    let text = contents("/\(path)/proto/vectors/frames/\(file)")
    if text.isEmpty { Issue.record("the vectors \(file) are not there") }
    var vectors: [Vector] = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let words = line.split(separator: " ").map(String.init)
      guard let first = words.first, first != "#" else { continue }
      if first == "case" {
        vectors.append(Vector(file: file, name: words.dropFirst().joined(separator: " ")))
      } else if !vectors.isEmpty {
        vectors[vectors.count - 1].steps.append(Step(words: words, line: index + 1))
      }
    }
    return vectors
  }
}

/// A file's text; empty when it is not there.
func contents(_ path: String) -> String {
  guard let file = unsafe fopen(path, "r") else { return "" }
  defer { unsafe fclose(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = unsafe fread(&buffer, 1, buffer.count, file)
    if count == 0 { return String(decoding: bytes, as: UTF8.self) }
    bytes.append(contentsOf: buffer[0..<count])
  }
}

/// Bytes of hex words.
func hex(_ words: some Sequence<String>) throws -> [UInt8] {
  try words.map { try #require(UInt8($0, radix: 16)) }
}
