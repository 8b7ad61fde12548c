// Why the store could not be opened, or cannot go on.
//
// Invariants:
// 1. An error carries a statement's text, never its arguments: they are users' data.

internal import Glibc

public struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Code: Sendable, Equatable {
    /// Another process serves this data directory.
    case alreadyRunning
    /// The data directory is missing, is no directory, is another user's or is open to others.
    case directory
    /// A network or memory file system, which does not keep what it acknowledges.
    case fileSystem
    /// A newer program wrote the file.
    case newerSchema
    /// The file is of another version than the one that `verify` knows.
    case otherSchema
    /// A migration is not the one that was applied to the file.
    case changedMigration
    /// The ledger leads the wall clock by more than the store allows.
    case clockBehindLedger
    /// The database does not sync as it was told to.
    case notDurable
    case corrupt
    /// The log has lost what it held: recovery would drop commits that were acknowledged.
    case logDamaged
    /// The files of the database were removed or replaced while they were open.
    case filesLost
    case diskFull
    /// Anything else that the store or the file system refused, for now: starting again may help.
    case inputOutput
    /// A commit or a sync failed in a way that leaves open what the disk holds; the process must be started
    /// again.
    case outcomeUnknown
    /// A lock of the store was not given back; the process must be started again.
    case lockedOut
    /// A test harness has reset or restored the database meanwhile.
    case replaced
    case closed
  }

  public var code: Code
  public var message: String
  /// The statement that failed, without arguments; nil when it was none.
  public var operation: String?

  public init(_ code: Code, _ message: String, operation: String? = nil) {
    self.code = code
    self.message = message
    self.operation = operation
  }

  package init(_ failure: StorageFailure) {
    code =
      switch failure.kind {
      case .full: .diskFull
      case .damaged, .unreadable, .constraint, .defect: .corrupt
      case .failedSync: .outcomeUnknown
      case .inputOutput, .busy, .outOfMemory, .notLoaded: .inputOutput
      case .lockedOut: .lockedOut
      }
    message = failure.message
    operation = failure.operation
  }

  /// - Parameter what: the path, and what became of it.
  package init(lost what: String) {
    self.init(
      .filesLost,
      "DATA_LOSS: \(what) while the database was served. Writes are refused, since they would be lost with "
        + "this process. Stop it, put the files or a backup back in their place, and start it again; "
        + "until it stops, its open files are under /proc/\(getpid())/fd")
  }

  public var description: String { operation.map { "\(message) in: \($0)" } ?? message }
}
