// `tally metrics`: every counter, gauge and histogram.

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

  @Flag(help: "Print in Prometheus' text format, version 0.0.4.")
  var prometheus = false

  func validate() throws {
    if prometheus && output.json { throw ValidationError("--prometheus cannot be combined with --json") }
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
