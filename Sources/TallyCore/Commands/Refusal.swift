// Why a command was not carried out, and the place at which that was decided.

/// A command's refusal: nothing was written for it.
public struct Refusal: Error, Sendable, Equatable {
  public var reason: Reason
  /// For people; clients branch on the reason and its details.
  public var message: String
  /// What a client needs to act, such as `available_micros`; keys in snake case.
  public var details: [String: String]
  /// The commit after which, and the place at which, the refusal was decided; nil when it never
  /// reached the writer.
  public var commit: CommitPoint?

  public init(
    _ reason: Reason, _ message: String, details: [String: String] = [:], commit: CommitPoint? = nil
  ) {
    self.reason = reason
    self.message = message
    self.details = details
    self.commit = commit
  }

  /// The same, decided at a place.
  func placed(at commit: CommitPoint) -> Refusal {
    var refusal = self
    refusal.commit = commit
    return refusal
  }
}

extension Refusal {
  /// The writer's queue is full, or the sharer's part of it.
  public static let queueFull = Refusal(.queueFull, "too many writes are waiting")
}

/// A place in the one order of all decisions: commits count from 1, positions within one from 0.
public struct CommitPoint: Sendable, Equatable, Hashable {
  public var sequence: Int64
  public var position: Int32

  public init(sequence: Int64, position: Int32) {
    self.sequence = sequence
    self.position = position
  }
}

/// What became of one command.
public typealias Outcome<Reply> = Result<Reply, Refusal>

extension Result where Failure == Refusal {
  /// nil when it was refused.
  package var accepted: Success? {
    guard case .success(let success) = self else { return nil }
    return success
  }
}
