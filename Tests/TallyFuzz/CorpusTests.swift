// Every input that is kept for the fuzzer, as an ordinary test: seeds, what it went on from, what it has
// found.

import Glibc
import Testing

@Suite("Fuzz corpus")
struct CorpusTests {
  static let root =
    #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    .joined(separator: "/") + "/Corpus"

  /// Longer than any input.
  private static let maximumByteCount = 1 << 20

  static func inputs(_ target: FuzzTarget) -> [(name: String, bytes: [UInt8])] {
    let folder = "\(root)/\(target.rawValue)"
    return FuzzDirectory.names(in: folder).map { name in
      (name, FuzzDirectory.read("\(folder)/\(name)", atMost: maximumByteCount))
    }
  }

  @Test("every kept input is dealt with as promised", arguments: FuzzTarget.allCases)
  func corpus(target: FuzzTarget) throws {
    let inputs = Self.inputs(target)
    #expect(!inputs.isEmpty)
    for (name, bytes) in inputs {
      #expect(throws: Never.self, "\(target)/\(name)") { try target.run(bytes) }
    }
  }
}
