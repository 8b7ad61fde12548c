// One frame of `tally top`, from two samples.

internal import TallyMessages

struct TopFrame {
  static let methodCount = 12
  static let statementCount = 10

  private let earlier: TopSample
  private let later: TopSample
  private let nanoseconds: UInt64

  init(_ earlier: TopSample, _ later: TopSample) {
    self.earlier = earlier
    self.later = later
    nanoseconds = later.atNanoseconds &- earlier.atNanoseconds
  }

  var text: String {
    Texts.facts([("calls", calls), ("writer", writer), ("log", log), ("readers", readers)])
      + "\n" + methods + "\n" + caches + "\n" + statements
  }

  private func rate(_ count: Int64) -> String { Spans.rate(count, nanoseconds: nanoseconds) }
  private func grown(_ name: String) -> Int64 { later.value(name) &- earlier.value(name) }
  private func spread(_ name: String) -> Spread { later.spread(name).since(earlier.spread(name)) }

  private var calls: String {
    let state = later.value("serving") == 1 ? "" : ", NOT TAKING WRITES"
    return "\(rate(grown("calls_total")))/s, \(later.value("calls_in_flight")) in flight, "
      + "\(rate(grown("slow_calls_total")))/s slow, \(rate(grown("calls_refused_total")))/s refused, "
      + "\(later.value("connections")) connections\(state)"
  }

  private var writer: String {
    let batches = spread("batch_items")
    let items = Spans.mean(batches.sum, of: batches.count)
    let commits = spread("commit_micros")
    return
      "\(rate(batches.count)) batches/s of \(items) items, commit \(quantiles(commits)), "
      + "queue \(later.value("writer_queue_items")), "
      + "\(rate(grown("writer_turned_away_total")))/s turned away"
  }

  private var log: String {
    let checkpoints = spread("checkpoint_micros")
    return "\(Spans.whole(later.value("log_frames"))) pages, \(Spans.bytes(later.value("log_bytes"))), "
      + "\(rate(checkpoints.count)) checkpoints/s, p99 \(Spans.text(checkpoints.quantile(thousandths: 990)))"
  }

  private var readers: String {
    let reads = spread("read_micros")
    return "\(later.value("readers_busy")) of \(later.value("readers")) busy, \(rate(reads.count)) reads/s, "
      + quantiles(reads)
  }

  private func quantiles(_ spread: Spread) -> String {
    let (half, most) = (spread.quantile(thousandths: 500), spread.quantile(thousandths: 990))
    return "p50 \(Spans.text(half)) p99 \(Spans.text(most))"
  }

  /// The share of the time between the samples, such as `1.3%` of one thread.
  private func share(_ micros: Int64) -> String {
    Spans.ratio(micros, of: Int64(clamping: nanoseconds / 1_000))
  }

  // MARK: tables

  private struct Method: Hashable {
    var service: String
    var method: String

    init(_ sample: TallystickV1.MetricSample) {
      service = sample.label("service")
      method = sample.label("method")
    }

    /// Without the package: `CreditService/Consume`.
    var shortName: String { "\(service.split(separator: ".").last ?? "")/\(method)" }
  }

  private var methods: String {
    var rows: [(method: Method, calls: Int64, errors: Int64, latency: Spread)] = []
    let before = Dictionary(
      earlier.samples("call_micros").map { (Method($0), Spread($0.distribution)) }, uniquingKeysWith: { $1 })
    let calls = counts(later).merging(counts(earlier)) { ($0.calls &- $1.calls, $0.errors &- $1.errors) }
    for sample in later.samples("call_micros") {
      let method = Method(sample)
      let latency = Spread(sample.distribution).since(before[method] ?? Spread(nil))
      rows.append((method, calls[method]?.calls ?? 0, calls[method]?.errors ?? 0, latency))
    }
    rows.sort { ($1.calls, $0.method.shortName) < ($0.calls, $1.method.shortName) }
    var table = Table([
      ("METHOD", .left), ("CALLS/S", .right), ("ERRORS/S", .right), ("P50", .right), ("P99", .right),
    ])
    for row in rows.filter({ $0.calls > 0 }).prefix(Self.methodCount) {
      table.add([
        row.method.shortName, rate(row.calls), rate(row.errors),
        Spans.text(row.latency.quantile(thousandths: 500)),
        Spans.text(row.latency.quantile(thousandths: 990)),
      ])
    }
    return table.text
  }

  private func counts(_ sample: TopSample) -> [Method: (calls: Int64, errors: Int64)] {
    sample.samples("calls_total").reduce(into: [:]) { counts, sample in
      counts[Method(sample), default: (0, 0)].calls &+= sample.value
      if sample.label("code") != "OK" { counts[Method(sample), default: (0, 0)].errors &+= sample.value }
    }
  }

  private var caches: String {
    func byCache(_ name: String, _ sample: TopSample) -> [String: Int64] {
      Dictionary(sample.samples(name).map { ($0.label("cache"), $0.value) }, uniquingKeysWith: { $1 })
    }
    func grown(_ name: String) -> [String: Int64] {
      byCache(name, later).merging(byCache(name, earlier)) { $0 &- $1 }
    }
    let (hits, misses) = (grown("cache_hits_total"), grown("cache_misses_total"))
    let bytes = byCache("cache_bytes", later)
    var table = Table([
      ("CACHE", .left), ("HITS/S", .right), ("MISSES/S", .right), ("HIT RATIO", .right), ("ENTRIES", .right),
      ("SIZE", .right),
    ])
    for sample in later.samples("cache_entries") {
      let name = sample.label("cache")
      let (found, missed) = (hits[name] ?? 0, misses[name] ?? 0)
      table.add([
        name, rate(found), rate(missed), Spans.ratio(found, of: found &+ missed), Spans.whole(sample.value),
        Spans.bytes(bytes[name] ?? 0),
      ])
    }
    return table.text
  }

  private var statements: String {
    var rows: [(sql: String, latency: Spread)] = later.queries.values.map { query in
      (query.sql, Spread(query.latency).since(Spread(earlier.queries[query.sql]?.latency)))
    }
    rows.sort { ($1.latency.sum, $0.sql) < ($0.latency.sum, $1.sql) }
    var table = Table([
      ("RUNS/S", .right), ("TIME", .right), ("P50", .right), ("P99", .right), ("STATEMENT", .left),
    ])
    for row in rows.filter({ $0.latency.count > 0 }).prefix(Self.statementCount) {
      table.add([
        rate(row.latency.count), share(row.latency.sum), Spans.text(row.latency.quantile(thousandths: 500)),
        Spans.text(row.latency.quantile(thousandths: 990)), Spans.oneLine(row.sql),
      ])
    }
    return table.text
  }
}
