// Ids and keys, told apart by their bytes.
//
// Invariants:
// 1. Two texts are equal here if and only if a store or a client that compares bytes
//    says so. Swift's `String ==` takes composed and decomposed letters for equal, and would make one user
//    of two: nothing that users name may be a dictionary's key, or be compared, as a plain `String`.
// 2. Both hash and comparison look at the bytes only, once. With Swift's, all spellings of a text would share
//    one hash, each comparison would normalise, and thousands of them would stall whoever looks one up.

internal import Glibc

/// A text as a dictionary's key.
public struct ExactText: Hashable, Comparable, Sendable {
  public let text: String

  public init(_ text: String) { self.text = text }

  public static func == (left: Self, right: Self) -> Bool { left.text.isExactly(right.text) }

  /// In the order of the bytes.
  public static func < (left: Self, right: Self) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }

  public func hash(into hasher: inout Hasher) {
    let done: Void? = unsafe text.utf8.withContiguousStorageIfAvailable { bytes in
      unsafe hasher.combine(bytes: UnsafeRawBufferPointer(bytes))
    }
    // Strings of Swift's own are contiguous; any other is hashed through its bytes, to the same end.
    if done == nil {
      unsafe Array(text.utf8).withUnsafeBytes { bytes in unsafe hasher.combine(bytes: bytes) }
    }
  }
}

extension String {
  /// Whether both are the same bytes.
  public func isExactly(_ other: String) -> Bool {
    let isSame = unsafe utf8.withContiguousStorageIfAvailable { mine in
      unsafe other.utf8.withContiguousStorageIfAvailable { theirs in
        guard let start = mine.baseAddress, let otherStart = theirs.baseAddress else {
          return mine.count == theirs.count
        }
        return unsafe mine.count == theirs.count && memcmp(start, otherStart, mine.count) == 0
      }
    }
    return (isSame ?? nil) ?? utf8.elementsEqual(other.utf8)
  }
}
