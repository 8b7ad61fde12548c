// Counts and durations of an engine's statements, by their text.
//
// Invariants:
// 1. The text has the parameters' numbers, never their values.
// 2. At most `maximumStatements` texts have counters of their own; all others share one.
// 3. A run is counted once, when it ends: at its last row, at an error, or when it is given up.
// 4. Connections that work at the same time count in different shards, as far as there are shards: atomics
//    that two threads fight for cost several times what they cost one. Looking merges them.
//
// All connections of an engine share it: the counters are atomic, the table and the plans are behind locks.

internal import Synchronization
internal import TallyLocking

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
  /// Rows that it returned.
  public var rows: Int64
  /// Runs that failed, at preparing, binding or stepping.
  public var errors: Int64
  /// Runs that took longer than the limit.
  public var slow: Int64
  /// Of the last slow run.
  public var plan: [String]
}

/// The counters of one statement's text, of one shard.
public final class StatementCounters: Sendable {
  private struct LastSlow {
    var atNanoseconds: UInt64 = 0
    var plan: [String] = []
  }

  private let sql: String
  fileprivate let latency = LiveHistogram()
  private let rows = Counter()
  private let errors = Counter()
  private let slow = Counter()
  private let lastSlow = Lock(LastSlow())
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
    lastSlow.withLock { $0 = LastSlow(atNanoseconds: MonotonicClock.nanoseconds, plan: steps) }
    onSlow(SlowStatement(sql: sql, elapsedNanoseconds: elapsedNanoseconds, rows: rows, plan: steps))
  }

  /// Of all shards together.
  fileprivate static func report(_ sql: String, _ shards: [StatementCounters]) -> StatementReport {
    var report = StatementReport(sql: sql, latency: Histogram(), rows: 0, errors: 0, slow: 0, plan: [])
    var last = LastSlow()
    for shard in shards {
      report.latency.merge(shard.latency.snapshot)
      report.rows += shard.rows.value
      report.errors += shard.errors.value
      report.slow += shard.slow.value
      let slow = shard.lastSlow.withLock { $0 }
      if slow.atNanoseconds > last.atNanoseconds { last = slow }
    }
    report.plan = last.plan
    return report
  }
}

public final class StatementStatistics: Sendable {
  /// Texts with counters of their own.
  public static let maximumStatements = 1_024
  /// What stands for the text of all others.
  public static let otherStatements = "(other statements)"
  /// The writer, the two readers that there are by default, and one more.
  static let shardCount: UInt64 = 4

  /// A run that takes longer is slow; nil when none is.
  public let slowNanoseconds: UInt64?
  private let onSlow: @Sendable (SlowStatement) -> Void
  private let table = Lock<[String: [UInt64: StatementCounters]]>([:])
  private let connectionCount = Atomic<UInt64>(0)

  /// - Parameter onSlow: on the thread that ran the statement, which it holds up.
  public init(
    slowNanoseconds: UInt64? = nil, onSlow: @escaping @Sendable (SlowStatement) -> Void = { _ in }
  ) {
    self.slowNanoseconds = slowNanoseconds
    self.onSlow = onSlow
  }

  /// For one more connection: what it counts in.
  public func nextShard() -> UInt64 {
    connectionCount.wrappingAdd(1, ordering: .relaxed).oldValue % Self.shardCount
  }

  /// The counters of a text, to be kept by whoever runs it.
  public func counters(of sql: String, shard: UInt64 = 0) -> StatementCounters {
    table.withLock { table in
      let isOwn = table[sql] != nil || table.count < Self.maximumStatements
      let name = isOwn ? sql : Self.otherStatements
      if let known = table[name]?[shard] { return known }
      let counters = StatementCounters(sql: name, slowNanoseconds: slowNanoseconds ?? .max, onSlow: onSlow)
      table[name, default: [:]][shard] = counters
      return counters
    }
  }

  /// All that ran, in no order.
  public var reports: [StatementReport] {
    table.withLock { $0 }.map { StatementCounters.report($0.key, Array($0.value.values)) }
  }

  /// How often each ran: what the difference of two of these is, ran in between.
  public var runCounts: [String: Int64] {
    table.withLock { $0 }.mapValues { shards in
      Int64(clamping: shards.values.reduce(0) { $0 &+ $1.latency.count })
    }
  }
}
