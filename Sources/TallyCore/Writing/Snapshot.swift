// A value and the commit that it is of.

/// A value read from one snapshot.
public struct Snapshot<Value: Sendable>: Sendable {
  public var value: Value
  /// The last commit that the snapshot contains.
  public var commitSequence: Int64

  @inlinable
  public init(_ value: Value, commitSequence: Int64) {
    self.value = value
    self.commitSequence = commitSequence
  }
}
