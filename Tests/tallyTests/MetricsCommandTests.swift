// `tally metrics`, `queries`, `caches` and `top`, by running them; and a frame of top from two samples.

import TallyMessages
import TallyProtoJSON
import TallyTesting
import Testing

@testable import tally

@Suite("Metrics commands")
struct MetricsCommandTests {
  @Test("metrics prints a table, JSON or Prometheus' text")
  func metrics() throws {
    let rig = try Rig()
    #expect(try rig.run("credits", "purchase", "u1", "$1", "--payment", "p1").status == 0)
    let table = try rig.run("metrics")
    #expect(table.status == 0)
    #expect(
      table.output.contains(
        "tallystick_calls_total{service=tallystick.v1.CreditService,method=AddPurchase,code=OK}"))
    let text = try rig.run("metrics", "--prometheus")
    #expect(text.output.hasPrefix("# HELP tallystick_info "))
    #expect(text.output.contains("\ntallystick_batch_items_count 1\n"))
    let json = try JSON.parse(rig.run("metrics", "--json").output)
    guard case .array(let metrics)? = json["metrics"] else { throw Failure(.software, "no metrics") }
    #expect(metrics.contains { $0["name"] == .string("tallystick_commits_total") })
    #expect(try rig.run("metrics", "--json", "--prometheus").status == 64)
    #expect(rig.fixture.stop() == 0)
  }

  @Test("queries and caches print what ran and what is kept")
  func statements() throws {
    let rig = try Rig()
    #expect(try rig.run("credits", "purchase", "u1", "$1", "--payment", "p1").status == 0)
    let queries = try rig.run("queries", "--limit", "0")
    #expect(queries.status == 0 && queries.output.contains("COMMIT\n"))
    #expect(try rig.run("queries", "--limit", "1").output.split(separator: "\n").count == 2)
    let caches = try rig.run("caches")
    #expect(
      caches.output.split(separator: "\n").map { $0.prefix { $0 != " " } } == [
        "cache", "accounts", "settings", "plans", "pages", "stats",
      ])
    #expect(rig.fixture.stop() == 0)
  }

  @Test("top prints one plain frame when asked for one, and when its output is no terminal")
  func top() throws {
    let rig = try Rig()
    for arguments in [["top", "--once"], ["top", "--interval", "1"]] {
      let frame = try Rig.run(arguments, environment: ["TALLY_SOCKET": rig.fixture.socket])
      #expect(frame.status == 0)
      #expect(!frame.output.contains("\u{1B}"))
      // It sees its own calls.
      #expect(frame.output.contains("AdminService/GetMetrics"))
      for heading in ["calls ", "writer ", "log ", "readers ", "METHOD", "CACHE", "STATEMENT"] {
        #expect(frame.output.contains(heading))
      }
    }
    #expect(try rig.run("top", "--interval", "0").status == 64)
    #expect(rig.fixture.stop() == 0)
    #expect(try rig.run("top", "--once").status == 69)
  }

  // MARK: a frame from samples

  private func metric(
    _ name: String, _ labels: [(String, String)] = [], _ value: Int64
  ) -> TallystickV1.Metric {
    metric(name, labels) { $0.value = value }
  }

  private func metric(
    _ name: String, _ labels: [(String, String)], _ fill: (inout TallystickV1.MetricSample) -> Void
  ) -> TallystickV1.Metric {
    var metric = TallystickV1.Metric()
    metric.name = "tallystick_" + name
    var sample = TallystickV1.MetricSample()
    sample.labels = labels.map { name, value in
      var label = TallystickV1.MetricLabel()
      label.name = name
      label.value = value
      return label
    }
    fill(&sample)
    metric.samples = [sample]
    return metric
  }

  private func spread(_ buckets: [(end: Int64, count: Int64)]) -> TallystickV1.Distribution {
    var distribution = TallystickV1.Distribution()
    distribution.bucketEnds = buckets.map(\.end)
    distribution.bucketCounts = buckets.map(\.count)
    distribution.count = buckets.reduce(0) { $0 &+ $1.count }
    distribution.sum = buckets.reduce(0) { $0 &+ $1.count &* $1.end }
    return distribution
  }

  @Test("a frame's rates and quantiles are those of the time between its samples")
  func frame() {
    let consume = [("service", "tallystick.v1.CreditService"), ("method", "Consume")]
    func sample(
      _ seconds: UInt64, calls: Int64, _ latency: [(Int64, Int64)], hits: Int64, _ items: [(Int64, Int64)]
    ) -> TopSample {
      var query = TallystickV1.QueryStats()
      query.sql = "SELECT\n  1"
      query.latency = spread(latency)
      return TopSample(
        atNanoseconds: seconds * 1_000_000_000,
        metrics: [
          metric("serving", [], 1), metric("connections", [], 3), metric("readers", [], 2),
          metric("calls_total", consume + [("code", "OK")], calls),
          metric("call_micros", consume) { $0.distribution = spread(latency) },
          metric("batch_items", []) { $0.distribution = spread(items) },
          metric("log_frames", [], 1_234), metric("log_bytes", [], 5_084_080),
          metric("cache_entries", [("cache", "pages")], 7),
          metric("cache_bytes", [("cache", "pages")], 2_048),
          metric("cache_hits_total", [("cache", "pages")], hits),
          metric("cache_misses_total", [("cache", "pages")], 1),
        ], queries: [query])
    }
    // What came before is slow; what happened in between is not.
    let earlier = sample(100, calls: 1_000, [(90_000, 1_000)], hits: 0, [(1, 50)])
    let later = sample(
      102, calls: 4_000, [(100, 2_900), (2_500, 100), (90_000, 1_000)], hits: 99, [(1, 50), (64, 4)])
    let lines = TopFrame(earlier, later).text.split(separator: "\n").map(String.init)
    #expect(lines[0] == "calls    1,500/s, 0 in flight, 0/s slow, 0/s refused, 3 connections")
    #expect(lines[1].hasPrefix("writer   2 batches/s of 64 items"))
    #expect(lines[2].hasPrefix("log      1,234 pages, 4.8 MiB"))
    let method = lines.first { $0.hasPrefix("CreditService/Consume") }
    #expect(method?.split(separator: " ") == ["CreditService/Consume", "1,500", "0", "100us", "2.5ms"])
    let cache = lines.first { $0.hasPrefix("pages") }
    #expect(cache?.split(separator: " ") == ["pages", "49.5", "0", "100%", "7", "2", "KiB"])
    #expect(lines.last?.hasSuffix("SELECT 1") == true)
    #expect(lines.last?.split(separator: " ").prefix(2) == ["1,500", "27%"])
  }

  @Test("a server that began anew between the samples breaks nothing")
  func restart() {
    let consume = [("service", "a.B"), ("method", "C")]
    func sample(_ calls: Int64) -> TopSample {
      TopSample(
        atNanoseconds: 5,
        metrics: [
          metric("calls_total", consume + [("code", "OK")], calls),
          metric("call_micros", consume) { $0.distribution = spread([(10, calls)]) },
        ], queries: [])
    }
    #expect(TopFrame(sample(9), sample(1)).text.contains("METHOD"))
    #expect(TopFrame(sample(.max), sample(.min)).text.contains("METHOD"))
  }

  @Test(
    "spans and sizes are short",
    arguments: [
      (Spans.text(0), "0us"), (Spans.text(999), "999us"), (Spans.text(1_000), "1ms"),
      (Spans.text(1_250), "1.2ms"), (Spans.text(3_400_000), "3.4s"), (Spans.text(.max), "9,223,372,036,854s"),
      (Spans.rate(5, nanoseconds: 2_000_000_000), "2.5"), (Spans.rate(3, nanoseconds: 0), "-"),
      (Spans.rate(1_000, nanoseconds: 3_000_000_000), "333"), (Spans.ratio(999, of: 1_000), "99.9%"),
      (Spans.ratio(0, of: 0), "-"), (Spans.mean(7, of: 2), "3.5"), (Spans.mean(7, of: 0), "-"),
      (Spans.bytes(1_023), "1023 B"), (Spans.bytes(1_536), "1.5 KiB"), (Spans.bytes(5 << 20), "5 MiB"),
    ])
  func spans(text: String, expected: String) {
    #expect(text == expected)
  }
}
