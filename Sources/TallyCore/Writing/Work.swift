// A submission in the writer's hands: who waits for it, its commands, and what becomes of each.
//
// Invariants:
// 1. Commands are decided in order; outcome i is command i's.
// 2. Outcomes that are kept are durable. All others are forgotten when their batch is decided again.
// 3. The completion runs once, with an outcome for every command.
//
// Owner: the inbox until the writer takes it, then the writer's queue.

package struct Work: Sendable {
  let userId: String
  let deadlineNanoseconds: UInt64?
  let byteCount: Int
  var lead: (@Sendable (_ work: @escaping @Sendable () -> Void) -> Bool)?
  let isCancelled: (@Sendable () -> Bool)?
  let group: (any ReplyGroup)?
  let commands: any PendingCommands

  package init<Command: Mutation>(
    submission: Submission<Command>, group: (any ReplyGroup)?,
    completion: @escaping @Sendable ([Outcome<Command.Reply>]) -> Void
  ) {
    userId = submission.userId
    deadlineNanoseconds = submission.deadlineNanoseconds
    byteCount = submission.byteCount
    lead = submission.lead
    isCancelled = submission.isCancelled
    self.group = group
    commands = Pending(submission.commands, submission.objection, completion)
  }
}

/// The commands of one submission, whatever their kind.
package protocol PendingCommands: AnyObject, Sendable {
  var count: Int { get }
  /// Of how many the outcome is there.
  var decidedCount: Int { get }
  func command(at index: Int) -> any Mutation
  /// The user whose expired credit a command settles.
  func settledUserId(at index: Int, _ decider: Decider) -> String?
  /// Decides the next command.
  /// - Returns: whether it changes anything.
  /// - Throws: what ends the batch.
  func decideNext(on records: ReadSet) throws(StorageFailure) -> Bool
  /// What was decided so far is durable.
  func keep()
  /// Forgets what was decided and not kept.
  func restart()
  /// Refuses the next command that has no outcome that is kept.
  func refuseNext(_ refusal: Refusal)
  /// Refuses every command that has no outcome that is kept.
  func refuseRest(_ refusal: Refusal)
  /// Tells the caller.
  func complete()
}

extension PendingCommands {
  var isDecided: Bool { decidedCount == count }
}

// @unchecked Sendable: confined to its owner, see above.
private final class Pending<Command: Mutation>: PendingCommands, @unchecked Sendable {
  private let commands: [Command]
  private let objection: (@Sendable (Command.Reply) -> Refusal?)?
  private let completion: @Sendable ([Outcome<Command.Reply>]) -> Void
  private var outcomes: [Outcome<Command.Reply>] = []
  private var keptCount = 0

  init(
    _ commands: [Command], _ objection: (@Sendable (Command.Reply) -> Refusal?)?,
    _ completion: @escaping @Sendable ([Outcome<Command.Reply>]) -> Void
  ) {
    self.commands = commands
    self.objection = objection
    self.completion = completion
    outcomes.reserveCapacity(commands.count)
  }

  var count: Int { commands.count }
  var decidedCount: Int { outcomes.count }

  func command(at index: Int) -> any Mutation { commands[index] }

  func settledUserId(at index: Int, _ decider: Decider) -> String? { commands[index].settledUserId(decider) }

  func decideNext(on records: ReadSet) throws(StorageFailure) -> Bool {
    let refusal: Refusal
    do {
      var decided = try commands[outcomes.count].decide(by: Decider(records: records))
      if let objected = objection?(decided.reply) {
        refusal = objected
      } else {
        let hasEffects = records.add(&decided.effects, isReplay: decided.isReplay)
        records.writes.note(replyByteCount: decided.pageByteCount)
        outcomes.append(.success(decided.reply))
        return hasEffects
      }
    } catch {
      // What is missing is asked for by the whole batch.
      if let gap = records.gap, !records.isMissingRecords { throw gap }
      refusal = error
    }
    outcomes.append(.failure(records.placed(refusal)))
    return false
  }

  func keep() { keptCount = outcomes.count }

  func restart() { outcomes.removeLast(outcomes.count - keptCount) }

  func refuseNext(_ refusal: Refusal) {
    restart()
    outcomes.append(.failure(refusal))
    keep()
  }

  func refuseRest(_ refusal: Refusal) {
    restart()
    while outcomes.count < commands.count { outcomes.append(.failure(refusal)) }
  }

  func complete() { completion(outcomes) }
}
