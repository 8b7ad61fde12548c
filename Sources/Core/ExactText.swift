// Ids and keys, told apart by their bytes.
//
// Invariants:
// 1. Two texts are equal here if and only if SQLite's BINARY collation, or any client that compares bytes,
//    says so. Swift's `String ==` takes composed and decomposed letters for equal, and would make one user
//    of two: nothing that users name may be a dictionary's key, or be compared, as a plain `String`.
//
// Values, owned by nobody.

/// A text as a dictionary's key.
public struct ExactText: Hashable, Comparable, Sendable {
  public let text: String

  public init(_ text: String) { self.text = text }

  public static func == (left: Self, right: Self) -> Bool { left.text.isExactly(right.text) }

  /// In the order of the bytes.
  public static func < (left: Self, right: Self) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }

  /// Texts that only Swift takes for equal collide, and are then told apart.
  public func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

extension String {
  /// Whether both are the same bytes.
  public func isExactly(_ other: String) -> Bool { self == other && utf8.elementsEqual(other.utf8) }
}
