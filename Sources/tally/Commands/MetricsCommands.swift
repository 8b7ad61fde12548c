// `tally metrics`, `tally queries` and `tally caches`: how the server does, once.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct MetricsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics", abstract: "Prints every counter, gauge and histogram.",
    discussion: """
      Examples:
        tally metrics
        tally metrics --prometheus > /var/lib/node_exporter/tally.prom
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Flag(help: "Prometheus' text format, version 0.0.4.")
  var prometheus = false

  func validate() throws {
    if prometheus && output.json { throw ValidationError("--prometheus and --json exclude each other") }
  }

  func perform() async throws {
    var request = TallystickV1.GetMetricsRequest()
    request.prometheus = prometheus
    try await tally.perform(TallystickV1.AdminService.getMetrics, request, connection, output) {
      prometheus ? $0.prometheusText : Self.text($0.metrics)
    }
  }

  static func text(_ metrics: [TallystickV1.Metric]) -> String {
    var table = Table([
      ("metric", .left), ("value", .right), ("p50", .right), ("p99", .right), ("max", .right),
    ])
    for metric in metrics {
      for sample in metric.samples {
        let labels = sample.labels.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
        let name = labels.isEmpty ? metric.name : "\(metric.name){\(labels)}"
        if let spread = sample.distribution {
          table.add([name, "\(spread.count)", "\(spread.p50)", "\(spread.p99)", "\(spread.max)"])
        } else {
          table.add([name, "\(sample.value)", "", "", ""])
        }
      }
    }
    return table.text
  }
}

struct QueriesCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "queries", abstract: "Prints the statistics of every SQL statement, most time first.",
    discussion: "Example: tally queries --limit 5")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Option(help: ArgumentHelp("So many statements; 0 is all.", valueName: "count"))
  var limit = 20

  func validate() throws {
    if limit < 0 { throw ValidationError("--limit takes 0 or more") }
  }

  func perform() async throws {
    try await tally.perform(
      TallystickV1.AdminService.getQueryStats, TallystickV1.GetQueryStatsRequest(), connection, output
    ) { Self.text($0, limit: limit) }
  }

  static func text(_ stats: TallystickV1.GetQueryStatsResponse, limit: Int) -> String {
    var table = Table(
      [
        ("runs", .right), ("rows", .right), ("errors", .right), ("slow", .right), ("total", .right),
        ("p50", .right), ("p99", .right), ("max", .right), ("statement", .left),
      ], optional: ["errors", "slow", "rows", "max"], flexible: "statement")
    let shown = limit == 0 ? stats.queries[...] : stats.queries.prefix(limit)
    for query in shown {
      let latency = query.latency ?? TallystickV1.Distribution()
      table.add([
        "\(latency.count)", "\(query.rows)", "\(query.errors)", "\(query.slow)", Spans.text(latency.sum),
        Spans.text(latency.p50), Spans.text(latency.p99), Spans.text(latency.max), Spans.oneLine(query.sql),
      ])
    }
    let plans = shown.filter { !$0.plan.isEmpty }.map { query in
      "\nplan of the last slow run: \(Spans.oneLine(query.sql))\n"
        + query.plan.map { "  \($0)\n" }.joined()
    }
    return table.text + plans.joined()
  }
}

struct CachesCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "caches", abstract: "Prints what the caches hold, and how often they are hit.",
    discussion: "Example: tally caches")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform() async throws {
    try await tally.perform(
      TallystickV1.AdminService.getCacheStats, TallystickV1.GetCacheStatsRequest(), connection, output
    ) { Self.text($0.caches) }
  }

  static func text(_ caches: [TallystickV1.CacheStats]) -> String {
    var table = Table(
      [
        ("cache", .left), ("entries", .right), ("bytes", .right), ("limit", .right), ("hits", .right),
        ("misses", .right), ("hit ratio", .right), ("invalidated", .right), ("evicted", .right),
      ], optional: ["evicted", "invalidated", "limit", "bytes"])
    for cache in caches {
      table.add([
        cache.name, "\(cache.entries)", "\(cache.bytes)", "\(cache.limitBytes)", "\(cache.hits)",
        "\(cache.misses)", Spans.ratio(cache.hits, of: cache.hits + cache.misses), "\(cache.invalidations)",
        "\(cache.evictions)",
      ])
    }
    return table.text
  }
}

/// How long, how often and how much, for people.
enum Spans {
  /// Such as `87us`, `1.2ms`, `3.4s`.
  static func text(_ micros: Int64) -> String {
    switch micros {
    case ..<1_000: "\(micros)us"
    case ..<1_000_000: tenths(micros / 100) + "ms"
    default: tenths(micros / 100_000) + "s"
    }
  }

  /// `count` in a span, by the second.
  static func rate(_ count: Int64, nanoseconds: UInt64) -> String {
    nanoseconds == 0 ? "-" : number(Double(count) * 1e9 / Double(nanoseconds))
  }

  /// `sum` over `count`, with a tenth when it is small; `-` of nothing.
  static func mean(_ sum: Int64, of count: Int64) -> String {
    count <= 0 ? "-" : number(Double(sum) / Double(count))
  }

  private static func number(_ value: Double) -> String {
    guard abs(value) < 1e15 else { return "-" }
    return value < 100 ? tenths(Int64((value * 10).rounded())) : whole(Int64(value.rounded()))
  }

  /// Such as `98.3%`; `-` of nothing.
  static func ratio(_ part: Int64, of whole: Int64) -> String {
    guard whole > 0 else { return "-" }
    let thousandths = (Double(part) * 1_000 / Double(whole)).rounded(.down)
    return Int64(exactly: thousandths).map { tenths($0) + "%" } ?? "-"
  }

  static func bytes(_ count: Int64) -> String {
    switch count {
    case ..<1_024: "\(count) B"
    case ..<(1 << 20): tenths(count * 10 / 1_024) + " KiB"
    default: tenths(count / (1 << 20) * 10 + count % (1 << 20) * 10 / (1 << 20)) + " MiB"
    }
  }

  static func whole(_ number: Int64) -> String {
    (number < 0 ? "-" : "") + Dollars.grouped(number.magnitude)
  }

  private static func tenths(_ tenths: Int64) -> String {
    tenths % 10 == 0 || tenths >= 1_000 ? whole(tenths / 10) : "\(whole(tenths / 10)).\(tenths % 10)"
  }

  /// A statement's text without line breaks and runs of spaces.
  static func oneLine(_ text: String) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
