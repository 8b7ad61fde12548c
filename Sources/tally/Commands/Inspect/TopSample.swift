// What the server reports at one moment, for `tally top`.

internal import TallyClient
internal import TallyMessages

/// What the server reports at one moment.
struct TopSample {
  var atNanoseconds: UInt64
  var metrics: [String: TallystickV1.Metric]
  var queries: [String: TallystickV1.QueryStats]

  init(atNanoseconds: UInt64, metrics: [TallystickV1.Metric], queries: [TallystickV1.QueryStats]) {
    self.atNanoseconds = atNanoseconds
    self.metrics = Dictionary(metrics.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    self.queries = Dictionary(queries.map { ($0.sql, $0) }, uniquingKeysWith: { $1 })
  }

  init(_ client: TallyClient) async throws {
    let metrics = try await client.call(
      TallystickV1.AdminService.getMetrics, TallystickV1.GetMetricsRequest()
    ).metrics
    let queries = try await client.call(
      TallystickV1.AdminService.getQueryStats, TallystickV1.GetQueryStatsRequest()
    ).queries
    self.init(atNanoseconds: System.monotonicNanoseconds, metrics: metrics, queries: queries)
  }

  func samples(_ name: String) -> [TallystickV1.MetricSample] {
    metrics["tallystick_" + name]?.samples ?? []
  }

  /// The sum over all samples of a metric.
  func value(_ name: String) -> Int64 { samples(name).reduce(0) { $0 &+ $1.value } }

  func spread(_ name: String) -> Spread { Spread(samples(name).first?.distribution) }
}

extension TallystickV1.MetricSample {
  func label(_ name: String) -> String { labels.first { $0.name == name }?.value ?? "" }
}
