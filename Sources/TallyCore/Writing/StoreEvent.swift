// What the store tells whoever runs it, beside the answers to calls.
//
// Invariants:
// 1. Each is told once when it begins, and once when it is over; an upgrade meanwhile too. What is told of
//    grants happens at once; of users whose records are damaged it is told once.

public enum StoreEvent: Sendable, Equatable {
  /// Why no write is taken for now. It comes back by itself.
  public enum ReadOnlyCause: String, Sendable, Equatable {
    case diskFull = "the disk is full"
    case logLimit = "the log has reached its limit"
  }

  case readOnly(ReadOnlyCause)
  /// Writes are taken again.
  case writable(ReadOnlyCause)
  /// The log cannot start over: another program, or a verification, reads an old snapshot. It grows.
  case logHeld(sinceMicros: Int64, byteCount: Int64)
  case logReleased(sinceMicros: Int64, byteCount: Int64)
  /// At the end or at the start: what the log holds stays there, since another program reads an old snapshot.
  /// Nothing is lost; a later start copies it.
  case logLeft(byteCount: Int64)
  /// The files that are open are no longer those at their paths. No write is taken any more.
  case filesLost(StoreError)
  /// The start brings a large database to this program's version: told when it begins, every few seconds, at
  /// each index and at the end.
  case upgrading(UpgradeProgress)
  /// Periods of subscriptions were not granted by one commit, for the same reason: of how many users, and of
  /// one of them.
  case notGranted(GrantNotice.Cause, userCount: Int, userId: String)
  /// What is due of users cannot be written off or granted, since their records are damaged: what is wrong,
  /// of how many users, and of one of them. Others are not held up.
  case notSettled(String, userCount: Int, userId: String)
}

/// How far a start has come that makes large tables anew.
public struct UpgradeProgress: Sendable, Equatable {
  public enum Work: Sendable, Equatable {
    case copying(rows: Int64, of: Int64)
    /// From 1.
    case indexing(number: Int, of: Int)
    case done
  }

  /// To which it brings the database.
  public var version: Int32
  public var work: Work

  package init(version: Int32, work: Work) {
    self.version = version
    self.work = work
  }
}
