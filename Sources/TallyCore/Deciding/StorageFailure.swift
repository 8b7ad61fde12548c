// Why a store could not do what the writer asked of it.
//
// Invariants:
// 1. A failure carries a statement's text, never its arguments: they are users' data.

@usableFromInline
package struct StorageFailure: Error, Equatable {
  package enum Kind: Equatable {
    /// No space is left. Nothing was applied.
    case full
    /// A stored record cannot be what any version of this program has written. It was read all the same.
    case damaged
    /// What is stored cannot be read: the file is damaged.
    case unreadable
    /// What was to be written breaks a rule of the tables: a key that was taken to be new is in use, or there
    /// is a defect.
    case constraint
    /// A statement that the store does not know, or a call out of order.
    case defect
    case outOfMemory
    /// A read or a write failed.
    case inputOutput
    /// Somebody else holds a lock.
    case busy
    /// The store cannot get at locks of its own, and will not by waiting.
    case lockedOut
    /// What was written may be on no disk although the system says so. Nothing may be built on it in this
    /// process.
    case failedSync
    /// The record was not loaded. It is noted, and `RecordSource.loadMissing` loads it.
    case notLoaded
  }

  package var kind: Kind
  package var message: String
  /// The statement that failed, or what was being done.
  package var operation: String

  package init(_ kind: Kind, _ message: String, operation: String = "decode") {
    self.kind = kind
    self.message = message
    self.operation = operation
  }

  /// A stored value that no version of this program writes.
  static func malformed(_ what: String) -> StorageFailure { StorageFailure(.damaged, "malformed \(what)") }

  /// Whether it concerns the store as a whole, so that no other command would fare better.
  var isOfStore: Bool {
    switch kind {
    case .busy, .lockedOut, .failedSync: true
    case .full, .damaged, .unreadable, .constraint, .defect, .outOfMemory, .inputOutput, .notLoaded: false
    }
  }

  /// Whether a single record may be at fault, so that the others fare better without it.
  var mayBeOfOneRecord: Bool {
    switch kind {
    case .damaged, .unreadable, .constraint, .defect: true
    case .full, .outOfMemory, .inputOutput, .busy, .lockedOut, .failedSync, .notLoaded: false
    }
  }

  /// Whether a lookup that fails so fails its batch. A store may have ended the transaction with it, or
  /// refuse all further writes in it: nothing of the batch may be written then.
  var endsBatch: Bool {
    switch kind {
    case .damaged: false
    case .busy, .lockedOut, .failedSync, .full, .unreadable, .constraint, .defect, .outOfMemory,
      .inputOutput, .notLoaded:
      true
    }
  }

  /// The refusal of a command of which nothing was applied.
  var refusal: Refusal {
    switch kind {
    case .full: Refusal(.diskFull, "the disk is full; nothing was applied")
    case .damaged, .unreadable, .constraint: Refusal(.corrupt, "the database is damaged; nothing was applied")
    case .defect: Refusal(.corrupt, "the store cannot carry this out; nothing was applied")
    case .busy, .outOfMemory, .inputOutput, .lockedOut, .failedSync, .notLoaded:
      Refusal(.readOnly, "the store cannot write now; nothing was applied")
    }
  }
}
