// SHA-256 against FIPS 180-4's examples, and its two implementations against each other.

import Testing

@testable import Hashing

@Suite("SHA-256")
struct SHA256Tests {
  static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }

  @Test(
    "the standard's examples",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
    ])
  func examples(text: String, digest: String) {
    #expect(Self.hex(SHA256.hash(Array(text.utf8))) == digest)
    #expect(Self.hex(SHA256.portableHash(Array(text.utf8))) == digest)
  }

  @Test("a million times the letter a")
  func million() {
    let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
    #expect(
      Self.hex(SHA256.hash(bytes)) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test("both implementations agree on every length up to four blocks")
  func agreement() {
    var bytes: [UInt8] = []
    for length in 0...256 {
      #expect(SHA256.hash(bytes) == SHA256.portableHash(bytes), "\(length) bytes")
      bytes.append(UInt8(truncatingIfNeeded: length &* 167 &+ 13))
    }
  }
}
