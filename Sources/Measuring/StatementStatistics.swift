// What an engine's statements have done, by their text.
//
// Invariants:
// 1. The text has the parameters' numbers, never their values.
// 2. At most `maximumStatements` texts have counters of their own; all others share one.
// 3. A run is counted once, when it ends: at its last row, at an error, or when it is given up.
//
// Shared by all connections of an engine: counters are atomic, the table and the plans are locked.

internal import Locking

/// A statement that took longer than the limit.
public struct SlowStatement: Sendable, Equatable {
  public var sql: String
  public var elapsedNanoseconds: UInt64
  public var rows: Int64
  /// The steps of EXPLAIN QUERY PLAN.
  public var plan: [String]
}

/// What is known of one statement.
public struct StatementReport: Sendable {
  public var sql: String
  /// In nanoseconds, from the first step to the end of the run.
  public var latency: Histogram
  /// That it returned.
  public var rows: Int64
  /// Runs that failed, at preparing, binding or stepping.
  public var errors: Int64
  /// Runs that took longer than the limit.
  public var slow: Int64
  /// Of the last slow run.
  public var plan: [String]
}

/// The counters of one statement's text.
public final class StatementCounters: Sendable {
  fileprivate let sql: String
  fileprivate let latency = LiveHistogram()
  private let rows = Counter()
  private let errors = Counter()
  private let slow = Counter()
  private let plan = Lock<[String]>([])
  private let slowNanoseconds: UInt64
  private let onSlow: @Sendable (SlowStatement) -> Void

  fileprivate init(sql: String, slowNanoseconds: UInt64, onSlow: @escaping @Sendable (SlowStatement) -> Void)
  {
    self.sql = sql
    self.slowNanoseconds = slowNanoseconds
    self.onSlow = onSlow
  }

  /// Counts a run.
  /// - Returns: whether it was slow; `noteSlow` is due then.
  public func add(elapsedNanoseconds: UInt64, rows rowCount: Int64) -> Bool {
    latency.add(elapsedNanoseconds)
    if rowCount != 0 { rows.add(rowCount) }
    return elapsedNanoseconds > slowNanoseconds
  }

  /// Counts a failure.
  public func addError() { errors.add() }

  public func noteSlow(elapsedNanoseconds: UInt64, rows: Int64, plan steps: [String]) {
    slow.add()
    plan.withLock { $0 = steps }
    onSlow(SlowStatement(sql: sql, elapsedNanoseconds: elapsedNanoseconds, rows: rows, plan: steps))
  }

  fileprivate var report: StatementReport {
    StatementReport(
      sql: sql, latency: latency.snapshot, rows: rows.value, errors: errors.value, slow: slow.value,
      plan: plan.withLock { $0 })
  }
}

public final class StatementStatistics: Sendable {
  /// Texts with counters of their own.
  public static let maximumStatements = 1_024
  /// What stands for the text of all others.
  public static let otherStatements = "(other statements)"

  /// A run that takes longer is slow; nil when none is.
  public let slowNanoseconds: UInt64?
  private let onSlow: @Sendable (SlowStatement) -> Void
  private let table = Lock<[String: StatementCounters]>([:])

  /// - Parameter onSlow: on the thread that ran the statement, which it holds up.
  public init(
    slowNanoseconds: UInt64? = nil, onSlow: @escaping @Sendable (SlowStatement) -> Void = { _ in }
  ) {
    self.slowNanoseconds = slowNanoseconds
    self.onSlow = onSlow
  }

  /// The counters of a text, to be kept by whoever runs it.
  public func counters(of sql: String) -> StatementCounters {
    table.withLock { table in
      if let known = table[sql] { return known }
      let isOwn = table.count < Self.maximumStatements
      let name = isOwn ? sql : Self.otherStatements
      if !isOwn, let other = table[name] { return other }
      let counters = StatementCounters(sql: name, slowNanoseconds: slowNanoseconds ?? .max, onSlow: onSlow)
      table[name] = counters
      return counters
    }
  }

  /// All that ran, in no order.
  public var reports: [StatementReport] {
    table.withLock { Array($0.values) }.map(\.report)
  }

  /// How often each ran: what the difference of two of these is, ran in between.
  public var runCounts: [String: Int64] {
    table.withLock { $0 }.mapValues { Int64(clamping: $0.latency.count) }
  }
}
