// The result of a load, as text and as JSON.

internal import TallyMeasuring
internal import TallyProtoJSON

/// The result of a load.
struct LoadReport: Sendable {
  var work = ""
  var callers: Int
  var elapsedNanoseconds: UInt64
  var latencies: Histogram
  /// By reason, or by code without one.
  var failures: [String: UInt64]

  var callsPerSecond: UInt64 {
    elapsedNanoseconds == 0 ? 0 : UInt64(Double(latencies.count) / Double(elapsedNanoseconds) * 1e9)
  }

  private var quantiles: [(String, UInt64)] {
    [
      ("p50", latencies.quantile(thousandths: 500)), ("p90", latencies.quantile(thousandths: 900)),
      ("p99", latencies.quantile(thousandths: 990)), ("p999", latencies.quantile(thousandths: 999)),
      ("max", latencies.maximum),
    ]
  }

  var json: JSON {
    .object(
      [
        .init("work", .string(work)), .init("callers", .integer(callers)),
        .init("calls", .integer(latencies.count)), .init("callsPerSecond", .integer(callsPerSecond)),
      ] + quantiles.map { .init("\($0)Nanos", .integer($1)) } + [
        .init("failures", .object(failures.sorted { $0.key < $1.key }.map { .init($0, .integer($1)) }))
      ])
  }

  var text: String {
    var rows = [
      ("work", "\(work), \(callers) callers"), ("calls", Dollars.grouped(latencies.count)),
      ("per second", Dollars.grouped(callsPerSecond)),
    ]
    rows += quantiles.map { ($0, "\($1 / 1_000) us") }
    rows += failures.sorted { $0.key < $1.key }.map { ("failed", "\($1) \($0)") }
    return Texts.facts(rows)
  }
}
