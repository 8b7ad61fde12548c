// What the server tells of itself: counts that are exact, text that Prometheus can read, statements by name.

import Foundation
import TTRPC
import TallyMessages
import TallyTestSupport
import Testing

@testable import TallyCore
@testable import TallySQLiteStore
@testable import TallyServer

@Suite("Metrics")
struct MetricsTests {
  typealias Admin = TallystickV1.AdminService

  private static func metrics(_ live: LiveServer) async throws -> [String: TallystickV1.Metric] {
    let metrics = try await live.call(Admin.getMetrics) { _ in }.metrics
    #expect(Set(metrics.map(\.name)).count == metrics.count)
    return Dictionary(uniqueKeysWithValues: metrics.map { ($0.name, $0) })
  }

  private static func sample(
    _ metric: TallystickV1.Metric?, _ labels: [String: String]
  ) -> TallystickV1.MetricSample? {
    metric?.samples.first { sample in
      labels.allSatisfy { label in
        sample.labels.contains { $0.name == label.key && $0.value == label.value }
      }
    }
  }

  @Test("calls are counted by method and code, exactly as they were made")
  func calls() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u", 1_000, payment: "p", key: "k")
      for number in 0..<7 { try await live.consume("u", 1, key: "c\(number)") }
      for number in 0..<3 {
        #expect(
          try await live.reason(TallystickV1.CreditService.consume) {
            $0.userId = "u"
            $0.amountMicros = 1_000_000
            $0.idempotencyKey = "much\(number)"
          } == "INSUFFICIENT_CREDITS")
      }
      #expect(try await live.reason(TallystickV1.CreditService.consume) { _ in } == "INVALID_FIELD")

      let metrics = try await Self.metrics(live)
      let calls = metrics["tallystick_calls_total"]
      let service = TallystickV1.CreditService.name
      func count(_ method: String, _ code: String) -> Int64? {
        Self.sample(calls, ["service": service, "method": method, "code": code])?.value
      }
      #expect(count("Consume", "OK") == 7)
      #expect(count("Consume", "FAILED_PRECONDITION") == 3)
      #expect(count("Consume", "INVALID_ARGUMENT") == 1)
      #expect(count("AddPurchase", "OK") == 1)
      #expect(count("GetBalance", "OK") == nil)
      let consume = ["service": service, "method": "Consume"]
      let latency = Self.sample(metrics["tallystick_call_micros"], consume)?.distribution
      #expect(latency?.count == 11)
      #expect(latency?.bucketCounts.reduce(0, +) == 11)
      #expect((latency?.max ?? 0) >= (latency?.p50 ?? .max))
      #expect(Self.sample(metrics["tallystick_calls_in_flight"], consume)?.value == 0)
      // The call that asks is under way, and not yet counted.
      let asking = ["method": "GetMetrics"]
      #expect(calls.flatMap { Self.sample($0, asking) } == nil)
      let again = try await Self.metrics(live)
      #expect(Self.sample(again["tallystick_calls_total"], asking)?.value == 1)
      #expect(Self.sample(again["tallystick_calls_in_flight"], asking)?.value == 1)
    }
  }

  @Test("the writer, its log, the readers and the connections are there")
  func store() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u", 1_000, payment: "p", key: "k")
      let before = try await Self.metrics(live)
      for number in 0..<5 { try await live.consume("u", 1, key: "c\(number)") }
      _ = try await live.call(TallystickV1.CreditService.listTransactions) { $0.userId = "u" }
      let after = try await Self.metrics(live)
      func grown(_ name: String) -> Int64 {
        (after[name]?.samples.first?.value ?? 0) - (before[name]?.samples.first?.value ?? 0)
      }
      func counted(_ name: String) -> Int64 {
        (after[name]?.samples.first?.distribution?.count ?? 0)
          - (before[name]?.samples.first?.distribution?.count ?? 0)
      }
      #expect(grown("tallystick_commits_total") == 5)
      #expect(grown("tallystick_ledger_rows_total") == 5)
      for name in ["batch_items", "batch_micros", "commit_micros"] {
        #expect(counted("tallystick_" + name) == 5, "\(name)")
      }
      #expect(counted("tallystick_read_micros") == 1)
      #expect(grown("tallystick_log_frames") > 0)
      #expect(grown("tallystick_log_bytes") == grown("tallystick_log_frames") * 4_120)
      #expect(grown("tallystick_received_bytes_total") > 100)
      #expect(grown("tallystick_sent_bytes_total") > 100)
      #expect(after["tallystick_readers"]?.samples.first?.value == 2)
      #expect(after["tallystick_connections"]?.samples.first?.value == 1)
      #expect(after["tallystick_peer_connections"]?.samples.map(\.value) == [1])
      #expect(after["tallystick_serving"]?.samples.first?.value == 1)
    }
  }

  @Test("what the writer turns away is counted by its reason")
  func turnedAway() async throws {
    try await LiveServer.run { live in
      let published = try live.server.sqliteEngine.committed
      published.mode = .readOnly
      #expect(
        try await live.reason(TallystickV1.CreditService.consume) {
          $0.userId = "u"
          $0.amountMicros = 1
          $0.idempotencyKey = "k"
        } == "READ_ONLY")
      published.mode = .serving
      let turned = try await Self.metrics(live)["tallystick_writer_turned_away_total"]
      #expect(Self.sample(turned, ["reason": "READ_ONLY"])?.value == 1)
      #expect(Self.sample(turned, ["reason": "QUEUE_FULL"])?.value == 0)
    }
  }

  @Test("calls over a rate limit are counted")
  func rateLimited() async throws {
    try await LiveServer.run { live in
      // The clock stands still.
      _ = try await live.call(TallystickTestingV1.TestControl.setClock) {
        $0.nowMicros = 1_900_000_000_000_000
      }
      var limit = TallystickV1.RateLimit()
      limit.subject = .userId("u")
      limit.perSecond = 1
      _ = try await live.call(Admin.setRateLimit) { $0.rateLimit = limit }
      var reasons: [String?] = []
      for _ in 0..<3 {
        reasons.append(try await live.reason(TallystickV1.CreditService.getBalance) { $0.userId = "u" })
      }
      #expect(reasons == [nil, "RATE_LIMITED", "RATE_LIMITED"])
      let limited = try await Self.metrics(live)["tallystick_rate_limited_total"]
      #expect(Self.sample(limited, ["subject": "user"])?.value == 2)
      #expect(Self.sample(limited, ["subject": "uid"])?.value == 0)
    }
  }

  @Test("the Prometheus text is well formed and says what the messages say")
  func prometheus() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u", 1_000, payment: "p", key: "k")
      let text = try await live.call(Admin.getMetrics) { $0.prometheus = true }.prometheusText
      let scrape = try Scrape(text)
      let metrics = try await Self.metrics(live)
      #expect(Set(scrape.kinds.keys) == Set(metrics.keys))
      #expect(scrape.kinds.keys.allSatisfy { $0.hasPrefix("tallystick_") })
      #expect(scrape.kinds["tallystick_call_micros"] == "histogram")
      #expect(
        scrape.values[
          "tallystick_calls_total{code=OK,method=AddPurchase,service=tallystick.v1.CreditService}"] == 1)
      #expect(scrape.values["tallystick_batch_items_bucket{le=1}"] == 1)
      #expect(scrape.values["tallystick_batch_items_count"] == 1)
    }
  }

  @Test("docs/OPERATIONS.md has a line for every metric, and for no other")
  func documented() async throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "docs/OPERATIONS.md"), encoding: .utf8)
    let named = Set(text.matches(of: /`(tallystick_[a-z_]+)(?:\{[a-z_,]+\})?`/).map { String($0.1) })
    try await LiveServer.run { live in
      let told = Set(try await Self.metrics(live).keys)
      #expect(told.subtracting(named) == [])
      #expect(named.subtracting(told) == [])
    }
  }

  @Test("label values are escaped")
  func escaping() throws {
    let family = MetricFamily.gauge(
      "odd", "a \\ and\na line", [.init(labels: [("text", "\"a\\b\"\n")], value: .number(-3))])
    let text = PrometheusText.text([family])
    #expect(
      text == """
        # HELP tallystick_odd a \\\\ and\\na line
        # TYPE tallystick_odd gauge
        tallystick_odd{text="\\"a\\\\b\\"\\n"} -3

        """)
    #expect(try Scrape(text).values == ["tallystick_odd{text=\"a\\b\"\n}": -3])
  }

  @Test("the statistics of statements name each that ran, most time first")
  func queries() async throws {
    // On a busy machine any statement may take as long as a slow one does elsewhere.
    let slowMillis = Int(Patience.milliseconds)
    try await LiveServer.run(configure: { $0.engine.slowStatementMillis = slowMillis }) { live in
      let ran = try await live.statements {
        try await live.purchase("u", 1_000, payment: "p", key: "k")
        _ = try await live.call(TallystickV1.CreditService.listTransactions) { $0.userId = "u" }
      }
      #expect(ran["COMMIT"] == 2)
      let stats = try await live.call(Admin.getQueryStats) { _ in }
      #expect(stats.slowQueryMicros == Int64(slowMillis) * 1_000)
      let named = Dictionary(uniqueKeysWithValues: stats.queries.map { ($0.sql, $0) })
      for (sql, count) in ran { #expect((named[sql]?.latency?.count ?? 0) >= count, "\(sql)") }
      let times = stats.queries.map { $0.latency?.sum ?? 0 }
      #expect(times == times.sorted(by: >))
      #expect(stats.queries.allSatisfy { $0.slow == 0 && $0.plan.isEmpty && $0.errors == 0 })
    }
  }

  @Test("a cache tells its hits and misses")
  func caches() async throws {
    try await LiveServer.run { live in
      func accounts() async throws -> TallystickV1.CacheStats? {
        try await live.call(Admin.getCacheStats) { _ in }.caches.first { $0.name == "accounts" }
      }
      try await live.purchase("u", 1_000, payment: "p", key: "k")
      let before = try await accounts()
      for _ in 0..<4 { _ = try await live.available("u") }
      let after = try await accounts()
      #expect((after?.hits ?? 0) - (before?.hits ?? 0) == 4)
      #expect(after?.misses == before?.misses)
      #expect(after?.entries == 1 && (after?.bytes ?? 0) > 0 && (after?.limitBytes ?? 0) > 0)
      let names = try await live.call(Admin.getCacheStats) { _ in }.caches.map(\.name)
      #expect(names == ["accounts", "settings", "plans", "pages", "stats"])
    }
  }

  @Test("only admins are told")
  func role() async throws {
    try await LiveServer.run { live in
      let reasons = [
        try await live.reason(Admin.getMetrics, actingUser: "u") { _ in },
        try await live.reason(Admin.getQueryStats, actingUser: "u") { _ in },
        try await live.reason(Admin.getCacheStats, actingUser: "u") { _ in },
      ]
      #expect(reasons == ["ROLE_REQUIRED", "ROLE_REQUIRED", "ROLE_REQUIRED"])
    }
  }
}

/// A strict reader of Prometheus' text, version 0.0.4: what it does not understand, it refuses.
struct Scrape {
  struct Malformed: Error {
    var line: String
  }

  /// By family.
  var kinds: [String: String] = [:]
  /// By `name{label=value,...}` with the labels sorted and unescaped; just the name without labels.
  var values: [String: Double] = [:]
  /// Of the histogram at hand: the last bucket's bound and count, by labels without `le`.
  private var buckets: [String: (bound: Double, count: Double)] = [:]

  init(_ text: String) throws {
    guard text.hasSuffix("\n") else { throw Malformed(line: "no end of line at the end") }
    var family = ""
    var helped: Set<String> = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
      if let match = line.wholeMatch(of: /# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)/) {
        guard helped.insert(String(match.1)).inserted else { throw Malformed(line: String(line)) }
      } else if let match = line.wholeMatch(
        of: /# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)/)
      {
        family = String(match.1)
        guard kinds.updateValue(String(match.2), forKey: family) == nil, helped.contains(family) else {
          throw Malformed(line: String(line))
        }
        buckets = [:]
      } else {
        try add(String(line), family)
      }
    }
    for (labels, last) in buckets where last.bound != .infinity { throw Malformed(line: labels) }
  }

  private mutating func add(_ line: String, _ family: String) throws {
    guard let match = line.wholeMatch(of: /([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9]+)/),
      let value = Double(match.3)
    else { throw Malformed(line: line) }
    let name = String(match.1)
    let labels = try Self.labels(match.2.map(String.init) ?? "", line)
    let isHistogram = kinds[family] == "histogram"
    let names = isHistogram ? ["_bucket", "_sum", "_count"].map { family + $0 } : [family]
    guard names.contains(name) else { throw Malformed(line: line) }
    guard values.updateValue(value, forKey: Self.key(name, labels)) == nil else {
      throw Malformed(line: line)
    }
    if kinds[family] == "counter", value < 0 || !name.hasSuffix("_total") { throw Malformed(line: line) }
    guard isHistogram else { return }
    var others = labels
    let bound = others.removeValue(forKey: "le")
    let series = Self.key(family, others)
    if name.hasSuffix("_bucket") {
      guard let text = bound, let bound = text == "+Inf" ? .infinity : Double(text) else {
        throw Malformed(line: line)
      }
      if let last = buckets[series], last.bound >= bound || last.count > value { throw Malformed(line: line) }
      buckets[series] = (bound, value)
    } else if name.hasSuffix("_count") {
      guard buckets[series]?.count == value, buckets[series]?.bound == .infinity else {
        throw Malformed(line: line)
      }
    }
  }

  private static func key(_ name: String, _ labels: [String: String]) -> String {
    if labels.isEmpty { return name }
    return
      "\(name){\(labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ","))}"
  }

  private static func labels(_ text: String, _ line: String) throws -> [String: String] {
    var labels: [String: String] = [:]
    var rest = text[...]
    while !rest.isEmpty {
      guard
        let match = rest.prefixMatch(of: /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?=.)|$)/)
      else { throw Malformed(line: line) }
      let value = String(match.2).replacing(/\\(.)/) { $0.1 == "n" ? "\n" : "\($0.1)" }
      guard labels.updateValue(value, forKey: String(match.1)) == nil else { throw Malformed(line: line) }
      rest = rest[match.range.upperBound...]
    }
    return labels
  }
}
