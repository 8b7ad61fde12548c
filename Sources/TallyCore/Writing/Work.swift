// A submission in the writer's hands: who waits for it, its commands, and what becomes of each.
//
// Invariants:
// 1. Commands are decided in order; outcome i is command i's.
// 2. Outcomes that are kept are durable. All others are forgotten when their batch is decided again.
// 3. The completion runs once, with an outcome for every command.
//
// Owner: the inbox until the writer takes it, then the writer's queue.

public final class Work: Sendable {
  let sharer: String
  let deadlineNanoseconds: UInt64?
  let byteCount: Int
  let lead: (@Sendable (_ work: @escaping @Sendable () -> Void) -> Bool)?
  let isCancelled: (@Sendable () -> Bool)?
  let group: (any ReplyGroup)?
  let commands: any PendingCommands
  /// Decides the next command. See `Pending.decideNext`.
  let decideNext: @Sendable (ReadSet) throws(StorageFailure) -> Bool
  /// Tells the caller what became of all commands.
  let complete: @Sendable () -> Void

  /// Inlinable: where the kind of command is known, deciding and telling are compiled for that kind.
  @inlinable
  package convenience init<Command: Mutation>(
    submission: Submission<Command>, group: (any ReplyGroup)?,
    completion: @escaping @Sendable ([Outcome<Command.Reply>]) -> Void
  ) {
    let pending = Pending(submission.commands, submission.objection, completion)
    self.init(
      sharer: submission.sharer, deadlineNanoseconds: submission.deadlineNanoseconds,
      byteCount: submission.byteCount, lead: submission.lead, isCancelled: submission.isCancelled,
      group: group, commands: pending,
      decideNext: { (records) throws(StorageFailure) in try pending.decideNext(on: records) },
      complete: { pending.complete() })
  }

  @usableFromInline
  init(
    sharer: String, deadlineNanoseconds: UInt64?, byteCount: Int,
    lead: (@Sendable (_ work: @escaping @Sendable () -> Void) -> Bool)?,
    isCancelled: (@Sendable () -> Bool)?, group: (any ReplyGroup)?, commands: any PendingCommands,
    decideNext: @escaping @Sendable (ReadSet) throws(StorageFailure) -> Bool,
    complete: @escaping @Sendable () -> Void
  ) {
    self.sharer = sharer
    self.deadlineNanoseconds = deadlineNanoseconds
    self.byteCount = byteCount
    self.lead = lead
    self.isCancelled = isCancelled
    self.group = group
    self.commands = commands
    self.decideNext = decideNext
    self.complete = complete
  }
}

/// The commands of one submission, whatever their kind.
@usableFromInline
protocol PendingCommands: AnyObject, Sendable {
  var count: Int { get }
  /// Of how many the outcome is there.
  var decidedCount: Int { get }
  func command(at index: Int) -> any Mutation
  /// The users whose expired credit a command settles.
  func settledUserIds(at index: Int, _ decider: Decider) -> [String]
  /// What was decided so far is durable.
  func keep()
  /// Forgets what was decided and not kept.
  func restart()
  /// Refuses the next command that has no outcome that is kept.
  func refuseNext(_ refusal: Refusal)
  /// Refuses every command that has no outcome that is kept.
  func refuseRest(_ refusal: Refusal)
}

extension PendingCommands {
  var isDecided: Bool { decidedCount == count }
}

// @unchecked Sendable: confined to its owner, see above.
@usableFromInline
final class Pending<Command: Mutation>: PendingCommands, @unchecked Sendable {
  @usableFromInline let commands: [Command]
  @usableFromInline let objection: (@Sendable (Command.Reply) -> Refusal?)?
  @usableFromInline let completion: @Sendable ([Outcome<Command.Reply>]) -> Void
  @usableFromInline var outcomes: [Outcome<Command.Reply>] = []
  private var keptCount = 0

  @inlinable
  init(
    _ commands: [Command], _ objection: (@Sendable (Command.Reply) -> Refusal?)?,
    _ completion: @escaping @Sendable ([Outcome<Command.Reply>]) -> Void
  ) {
    self.commands = commands
    self.objection = objection
    self.completion = completion
    outcomes.reserveCapacity(commands.count)
  }

  /// Decides the next command.
  /// - Returns: whether it changes anything.
  /// - Throws: what ends the batch.
  @inlinable
  func decideNext(on records: ReadSet) throws(StorageFailure) -> Bool {
    let refusal: Refusal
    do {
      var decided = try commands[outcomes.count].decide(by: Decider(records: records))
      if let objected = objection?(decided.reply) {
        refusal = objected
      } else {
        let hasEffects = records.add(
          &decided.effects, isReplay: decided.isReplay, pageByteCount: decided.pageByteCount)
        outcomes.append(.success(decided.reply))
        return hasEffects
      }
    } catch {
      refusal = error
      try records.endIfUnreadable()
    }
    outcomes.append(.failure(records.placed(refusal)))
    return false
  }

  @inlinable
  func complete() { completion(outcomes) }

  @usableFromInline var count: Int { commands.count }
  @usableFromInline var decidedCount: Int { outcomes.count }

  @usableFromInline
  func command(at index: Int) -> any Mutation { commands[index] }

  @usableFromInline
  func settledUserIds(at index: Int, _ decider: Decider) -> [String] {
    commands[index].settledUserIds(decider)
  }

  @usableFromInline
  func keep() { keptCount = outcomes.count }

  @usableFromInline
  func restart() { if outcomes.count > keptCount { outcomes.removeLast(outcomes.count - keptCount) } }

  @usableFromInline
  func refuseNext(_ refusal: Refusal) {
    restart()
    outcomes.append(.failure(refusal))
    keep()
  }

  @usableFromInline
  func refuseRest(_ refusal: Refusal) {
    restart()
    while outcomes.count < commands.count { outcomes.append(.failure(refusal)) }
  }
}
