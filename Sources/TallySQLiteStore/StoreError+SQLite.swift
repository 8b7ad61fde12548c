// SQLite's errors as those of the store: for the writer, and for the program that opens the store.

internal import TallyCore
internal import TallySQLite

extension StoreError {
  init(_ error: SQLiteError) {
    let code: Code =
      switch error.kind {
      case .full: .diskFull
      // A statement that is unknown to the database finds a schema which is not the one it says.
      case .corrupt, .constraint, .defect: .corrupt
      case .inputOutput: error.isFailedSync ? .outcomeUnknown : .inputOutput
      case .busy, .outOfMemory: .inputOutput
      case .lockedOut: .lockedOut
      }
    self.init(code, "\(error.message) (SQLite \(error.code))", operation: error.sql)
  }

  /// - Parameter path: of the database that cannot be opened.
  init(opening path: String, _ error: SQLiteError) {
    self.init(error)
    operation = nil
    if error.isNoDatabase {
      message = "\(path) is not a Tallystick database"
    } else if error.isNotWritable {
      message = "\(path) cannot be written, or its directory cannot: \(message)"
    } else {
      message = "\(path) cannot be opened: \(message)"
    }
  }
}

extension SQLiteError {
  /// A stored value that no version of this program writes.
  static func malformed(_ what: String) -> SQLiteError {
    SQLiteError(code: malformedCode, message: "malformed \(what)", sql: decoding)
  }

  /// Whether a row was read, and made no sense.
  var isOfDecoding: Bool { sql == Self.decoding }

  private static let decoding = "decode"
  /// SQLITE_CORRUPT.
  private static let malformedCode: Int32 = 11
}

extension StorageFailure {
  init(_ error: SQLiteError) {
    let kind: Kind =
      switch error.kind {
      case .full: .full
      case .corrupt: error.isOfDecoding ? .damaged : .unreadable
      case .constraint: .constraint
      case .busy: .busy
      case .outOfMemory: .outOfMemory
      case .inputOutput: error.isFailedSync ? .failedSync : .inputOutput
      case .lockedOut: .lockedOut
      case .defect: .defect
      }
    self.init(kind, "\(error.message) (SQLite \(error.code))", operation: error.sql)
  }
}
