// What a call hands to the writer.

/// Where replies of one batch go together: flushed once after all of a commit's completions ran.
public protocol ReplyGroup: AnyObject, Sendable {
  /// Sends what completions have appended. Never blocks.
  func flush()
  /// So much waits for the peer already that nothing more is decided for it before it has read some.
  var isCrowded: Bool { get }
  /// Runs `resume` once, soon, on an arbitrary thread, when the group is no longer crowded. It is handed true
  /// when the peer goes instead.
  /// - Returns: false when there is room now, or the peer is gone already; `resume` is then not kept.
  func whenRoomy(_ resume: @escaping @Sendable (_ isGone: Bool) -> Void) -> Bool
}

/// One call's worth of commands of one kind: a single one, or a batch whose items are decided one by one.
public struct Submission<Command: Mutation>: Sendable {
  public var commands: [Command]
  /// Whose part of the writer's queue it takes: the user's, or whoever else it counts against when it names
  /// none or many.
  public var sharer: String
  /// On the monotonic clock; past it, the submission is dropped, not applied.
  public var deadlineNanoseconds: UInt64?
  /// Cost in the queue's byte budget.
  public var byteCount: Int
  /// Set when its caller is the only one that wants anything just now: has the work that it is handed done
  /// on the caller's thread, which saves waking another, at a moment when that thread may wait for the disk.
  /// False when the thread may not: the work is then not done. Called at most once, by `submit`.
  public var lead: (@Sendable (_ work: @escaping @Sendable () -> Void) -> Bool)?
  /// Asked when the writer takes the submission: true drops it, not applied. nil: never cancelled.
  public var isCancelled: (@Sendable () -> Bool)?
  /// Asked of each command's reply before it is committed: a refusal undoes the command and is its outcome.
  /// For replies that might not fit into a message; nil: they all do.
  public var objection: (@Sendable (Command.Reply) -> Refusal?)?

  public init(
    commands: [Command], sharer: String, deadlineNanoseconds: UInt64? = nil, byteCount: Int,
    isCancelled: (@Sendable () -> Bool)? = nil
  ) {
    self.isCancelled = isCancelled
    self.commands = commands
    self.sharer = sharer
    self.deadlineNanoseconds = deadlineNanoseconds
    self.byteCount = byteCount
  }
}
