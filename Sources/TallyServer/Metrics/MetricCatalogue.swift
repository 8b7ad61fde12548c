// All metrics of the server. docs/OPERATIONS.md has the same list.
//
// Invariants:
// 1. Reading metrics holds nobody up: all values are atomic, or behind a lock that is held for a moment.

internal import TTRPC
internal import TallyCore
internal import TallyMeasuring

struct MetricCatalogue: Sendable {
  typealias Sample = MetricFamily.Sample

  var version: String
  var startedAtMicros: Int64
  var calls: CallMetrics
  var engine: any ServedEngine
  var replies: ReplyCaches
  var limiter: RateLimiter
  /// Of the ledger, and of events.
  var watches: [LedgerWatch]
  /// nil before the server listens.
  var connections: @Sendable () -> ServerStatistics?

  /// The engine's caches first.
  var cacheStatistics: [CacheStatistics] { engine.report().caches + replies.statistics }

  var families: [MetricFamily] {
    let store = engine.report()
    return server + callFamilies + connectionFamilies + writer(store) + log(store) + readers(store)
      + caches(cacheStatistics) + statements
  }

  private var server: [MetricFamily] {
    let state = engine.state()
    return [
      .gauge(
        "info", "Always 1; the labels say which program answers.",
        [
          Sample(
            labels: [("version", version), ("sqlite_version", engine.libraryVersion)],
            value: .number(1))
        ]),
      .gauge("start_time_micros", "When the server started, since the epoch.", startedAtMicros),
      .gauge(
        "serving", "1 when writes are taken, 0 when read-only or draining.", state.mode == .serving ? 1 : 0),
      .counter("commits_total", "Commits of the database since it was made.", state.commitSequence),
      .counter("ledger_rows_total", "Rows of the ledger.", state.ledgerSequence),
    ]
  }

  private var callFamilies: [MetricFamily] {
    let reports = calls.reports
    func labels(_ report: MethodMetrics.Report) -> [(name: String, value: String)] {
      [("service", report.service), ("method", report.method)]
    }
    return [
      .counter(
        "calls_total", "Calls by how they ended.",
        reports.flatMap { report in
          report.counts.map { code, count in
            Sample(labels: labels(report) + [("code", code.wireName)], value: .number(count))
          }
        }),
      .gauge(
        "calls_in_flight", "Calls under way.",
        reports.filter { $0.inFlight > 0 || !$0.counts.isEmpty }.map {
          Sample(labels: labels($0), value: .number($0.inFlight))
        }),
      .histogram(
        "call_micros", "From a call's arrival to its answer; of streams, to their end.",
        reports.compactMap { report in
          report.latency.map { Sample(labels: labels(report), value: .histogram($0, .micros)) }
        }),
      .counter(
        "slow_calls_total", "Unary calls that took longer than the limit.", calls.slowLog.slowCalls.value),
      .counter(
        "rate_limited_total", "Calls that were refused as too many, by what has the limit.",
        [
          Sample(labels: [("subject", "user")], value: .number(limiter.limitedUsers.value)),
          Sample(labels: [("subject", "uid")], value: .number(limiter.limitedUids.value)),
        ]),
      .gauge(
        "watchers", "Calls that follow the ledger, events or pages.",
        Int64(watches.reduce(0) { $0 + $1.watcherCount })),
      .counter(
        "watchers_lagged_total", "Those that were ended since they lagged.",
        watches.reduce(0) { $0 + $1.laggedCount }),
    ]
  }

  private var connectionFamilies: [MetricFamily] {
    guard let now = connections() else { return [] }
    return [
      .gauge("connections", "Open connections.", Int64(now.connectionsOpen)),
      .gauge(
        "peer_connections", "Open connections by the peer's uid.",
        calls.connections.map { Sample(labels: [("uid", "\($0.uid)")], value: .number($0.count)) }),
      .counter(
        "connections_accepted_total", "Connections taken up.", Int64(clamping: now.connectionsAccepted)),
      .counter(
        "connections_refused_total", "Connections turned away.", Int64(clamping: now.connectionsRefused)),
      .counter("calls_started_total", "Calls that reached a handler.", Int64(clamping: now.callsStarted)),
      .counter("calls_refused_total", "Calls that reached none.", Int64(clamping: now.callsRefused)),
      .counter("received_bytes_total", "Bytes from all peers.", Int64(clamping: now.bytesReceived)),
      .counter("sent_bytes_total", "Bytes to all peers.", Int64(clamping: now.bytesSent)),
    ]
  }

  private func writer(_ store: StoreReport) -> [MetricFamily] {
    [
      .gauge("writer_queue_items", "Submissions that wait for the writer.", Int64(store.queuedItems)),
      .gauge("writer_queue_bytes", "Their bytes.", Int64(store.queuedBytes)),
      .counter(
        "writer_turned_away_total", "Submissions that were not tried.",
        store.turnedAway.map { reason, count in
          Sample(labels: [("reason", reason.rawValue)], value: .number(count))
        }),
      .histogram(
        "batch_items", "Submissions that were decided in one transaction.",
        [Sample(value: .histogram(store.batchItems, .items))]),
      .histogram(
        "batch_micros", "From a transaction's begin to its answers.",
        [Sample(value: .histogram(store.batchNanoseconds, .micros))]),
      .histogram(
        "commit_micros", "The COMMIT in it, with what is published after it.",
        [Sample(value: .histogram(store.commitNanoseconds, .micros))]),
    ]
  }

  private func log(_ store: StoreReport) -> [MetricFamily] {
    [
      .gauge("log_frames", "Pages in the write-ahead log.", store.logFrames),
      .gauge("log_bytes", "Bytes of the write-ahead log that are in use.", store.logBytes),
      .counter(
        "checkpoints_total", "Checkpoints that were done.",
        store.checkpoints.map { mode, count in
          Sample(labels: [("mode", mode)], value: .number(count))
        }),
      .counter(
        "checkpoint_failures_total", "Checkpoints that failed, to be tried again.", store.checkpointFailures),
      .gauge(
        "log_held_since_micros",
        "Since when a snapshot keeps the log from starting over, since the epoch; 0 when none does.",
        store.logHeldSinceMicros),
      .histogram(
        "checkpoint_micros", "What a checkpoint takes.",
        [Sample(value: .histogram(store.checkpointNanoseconds, .micros))]),
    ]
  }

  private func readers(_ store: StoreReport) -> [MetricFamily] {
    [
      .gauge("readers", "Connections that read.", Int64(store.readers)),
      .gauge("readers_busy", "Those that are borrowed.", Int64(store.busyReaders)),
      .histogram(
        "read_micros", "A call's reads on one snapshot, with the wait for a reader.",
        [Sample(value: .histogram(store.readNanoseconds, .micros))]),
    ]
  }

  private func caches(_ caches: [CacheStatistics]) -> [MetricFamily] {
    func samples(_ value: (CacheStatistics) -> Int64) -> [Sample] {
      caches.map { Sample(labels: [("cache", $0.name)], value: .number(value($0))) }
    }
    return [
      .gauge("cache_entries", "Values kept.", samples { Int64($0.entryCount) }),
      .gauge("cache_bytes", "What they cost.", samples { Int64($0.byteCount) }),
      .gauge("cache_limit_bytes", "What they may cost.", samples { Int64($0.limitByteCount) }),
      .counter("cache_hits_total", "Values that were asked for and found.", samples { $0.hits }),
      .counter("cache_misses_total", "Values that were asked for and not found.", samples { $0.misses }),
      .counter(
        "cache_invalidations_total", "Values dropped since a commit changed them.",
        samples { $0.invalidations }),
      .counter("cache_evictions_total", "Values dropped for lack of room.", samples { $0.evictions }),
    ]
  }

  private var statements: [MetricFamily] {
    let reports = engine.statements.reports
    var latency = Histogram()
    for report in reports { latency.merge(report.latency) }
    return [
      .histogram(
        "statement_micros", "Runs of SQL statements; GetQueryStats has them one by one.",
        [Sample(value: .histogram(latency, .micros))]),
      .counter(
        "statement_rows_total", "Rows that statements returned.", reports.reduce(0) { $0 + $1.rows }),
      .counter("statement_errors_total", "Runs that failed.", reports.reduce(0) { $0 + $1.errors }),
      .counter(
        "slow_statements_total", "Runs that took longer than the limit.", reports.reduce(0) { $0 + $1.slow }),
    ]
  }
}
