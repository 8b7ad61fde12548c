// What stands for an account and its key in the index: the first 32 bits of a SHA-256 over a secret of the
// file and both.
//
// Invariants:
// 1. Nobody who does not know the secret can choose keys that share a hash.

internal import Crypto

struct KeyHash: Sendable {
  static let secretBytes = 16

  let secret: [UInt8]

  func of(account: Int64, key: String) -> UInt32 {
    var bytes = secret
    for shift in stride(from: 56, through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: account >> Int64(shift)))
    }
    bytes.append(contentsOf: key.utf8)
    return SHA256.hash(data: bytes).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
  }
}

/// A row of the ledger that has a key, as the index names it.
struct KeyPair: Sendable, Equatable, Comparable {
  var hash: UInt32
  var sequence: Int64

  static func < (left: Self, right: Self) -> Bool {
    (left.hash, left.sequence) < (right.hash, right.sequence)
  }
}
