// Transactions, as prepared statements of one connection.
//
// Invariants:
// 1. After an error inside a transaction SQLite may have ended it. `rollback` looks first.
// 2. One that could not be rolled back, for want of memory, is before the next begins: whoever failed once is
//    not kept from going on.
//
// Owner: the owner of its connection.

/// The transaction control of one connection.
public final class TransactionControl {
  private let connection: Connection
  private let beginStatement: Statement
  private let commitStatement: Statement
  private let rollbackStatement: Statement

  /// - Parameter writing: take the write lock at `begin`.
  public init(_ connection: Connection, writing: Bool) throws(SQLiteError) {
    self.connection = connection
    beginStatement = try connection.prepare(writing ? "BEGIN IMMEDIATE" : "BEGIN")
    commitStatement = try connection.prepare("COMMIT")
    rollbackStatement = try connection.prepare("ROLLBACK")
  }

  public func begin() throws(SQLiteError) {
    try rollback()
    try beginStatement.run()
  }

  public func commit() throws(SQLiteError) { try commitStatement.run() }

  /// Ends the transaction, if SQLite has not done so already.
  public func rollback() throws(SQLiteError) {
    if !connection.isAutocommit { try rollbackStatement.run() }
  }
}
