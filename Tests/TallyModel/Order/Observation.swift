// What one caller asked for, when, and what it was told.
//
// Values, owned by who judges.

package import TallyCore

struct Observation: Sendable {
  enum Matter: Sendable {
    /// - Parameters:
    ///   - place: among the commits; nil when the answer does not say.
    ///   - differs: where what was told is not what must be answered.
    case decision(Command, place: CommitPoint?, differs: @Sendable (World.Answer) -> String?)
    /// - Parameter differs: where what was told is not what the world shows at a time.
    case read(commitSequence: Int64, differs: @Sendable (World, _ atMicros: Int64) -> String?)
  }

  var caller: String
  var matter: Matter
  /// The wall clock, which stood still from the question to the answer.
  var wallMicros: Int64
  /// On a monotonic clock that all callers share.
  var beganNanoseconds: UInt64
  var endedNanoseconds: UInt64
  /// The users that it is about.
  var userIds: [String]
  /// What was asked and told, for a reader.
  var tell: @Sendable () -> String
  /// The number of the last row before it, once that was found out.
  var lastSequence: Int64?

  /// Where it stands in the order. A read sees all of its commit.
  var place: Place? {
    switch matter {
    case .decision(_, let place, _): place.map { Place(wallMicros, $0.sequence, $0.position) }
    case .read(let sequence, _): Place(wallMicros, sequence, .max)
    }
  }

  var isRead: Bool {
    if case .read = matter { return true }
    return false
  }

  /// What it is of, in a word.
  var product: String {
    guard case .decision(let command, _, _) = matter else { return "read" }
    return switch command {
    case .usage: "run"
    case .page: "page"
    case .admin, .putPlan, .putPrices: "admin"
    case .topUp: "top-up"
    default: "credit"
    }
  }

  /// Commits are counted anew from what was stored when a server starts again; the wall clock moves on then.
  struct Place: Sendable, Hashable, Comparable {
    var wallMicros: Int64
    var sequence: Int64
    var position: Int32

    init(_ wallMicros: Int64, _ sequence: Int64, _ position: Int32) {
      (self.wallMicros, self.sequence, self.position) = (wallMicros, sequence, position)
    }

    static func < (left: Self, right: Self) -> Bool {
      (left.wallMicros, left.sequence, left.position) < (right.wallMicros, right.sequence, right.position)
    }
  }
}

extension CommitPoint {
  /// Of what has no place; the model numbers no commits.
  package static let none = CommitPoint(sequence: 0, position: 0)

  package static func < (left: Self, right: Self) -> Bool {
    (left.sequence, left.position) < (right.sequence, right.position)
  }
}
