// What an administrator may ask of a user's own caps: one value a method.

public enum CapCommand {
  /// Puts a list in the place of the one that its subject had; makes the user unless the list is empty.
  public struct Put: Sendable, Equatable {
    public var userId: String
    /// Caps in the order of their ids.
    public var list: CapList

    public init(userId: String, _ list: CapList) {
      self.userId = userId
      self.list = list
    }
  }
}

public struct CapsReceipt: Sendable, Equatable {
  public var list: CapList
  /// It was so already.
  public var unchanged: Bool
  public var commit: CommitPoint

  public init(list: CapList, unchanged: Bool, commit: CommitPoint) {
    self.list = list
    self.unchanged = unchanged
    self.commit = commit
  }
}
