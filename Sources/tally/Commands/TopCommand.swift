// `tally top`: the server at work, drawn anew every second.
//
// Invariants:
// 1. Rates and quantiles are of the time between two samples, not since the server's start.
// 2. Without a terminal one frame is printed, without control characters.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct TopCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Shows calls, commits, caches and statements as they happen.",
    discussion: """
      Ends with q, or with Control-C. Needs the role admin.

      Examples:
        tally top
        tally top --once --interval 5
      """)

  /// Home, and nothing below it.
  private static let clear = "\u{1B}[H\u{1B}[J"

  @OptionGroup var connection: ConnectionOptions

  @Option(help: ArgumentHelp("Between two frames.", valueName: "seconds"))
  var interval = 1

  @Flag(help: "Print one frame and end.")
  var once = false

  func validate() throws {
    guard (1...3_600).contains(interval) else { throw ValidationError("--interval takes 1 to 3600 seconds") }
  }

  func perform() async throws {
    let client = connection.client
    let isLive = System.outputIsTerminal && !once
    let keyboard = isLive ? Keyboard() : nil
    let interruption = keyboard.map { _ in Interruption { Keyboard.end() } }
    defer {
      Keyboard.end()
      interruption?.end()
    }
    var earlier = try await TopSample(client)
    while true {
      if try await Self.isTold(keyboard, within: .seconds(interval)) { return }
      let later = try await TopSample(client)
      let text = TopFrame(earlier, later).text
      guard isLive else { return System.writeOutput(text) }
      let columns = max(40, System.terminalColumns)
      let cut = text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.prefix(columns - 1) }
      System.writeOutput(Self.clear + cut.joined(separator: "\n"))
      earlier = later
    }
  }
}

extension TopCommand {
  /// Waits, and ends the wait with a `q`.
  private static func isTold(_ keyboard: Keyboard?, within duration: Duration) async throws -> Bool {
    guard let keyboard else {
      try await Task.sleep(for: duration)
      return false
    }
    let end = ContinuousClock.now + duration
    while ContinuousClock.now < end {
      let left = ContinuousClock.now.duration(to: end)
      let milliseconds = left.components.seconds * 1_000 + left.components.attoseconds / 1_000_000_000_000_000
      if let key = keyboard.key(within: Int32(clamping: milliseconds + 1)), key | 0x20 == Keyboard.quit {
        return true
      }
    }
    return false
  }
}

/// What the server tells at a moment.
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

  /// Of all samples of a metric.
  func value(_ name: String) -> Int64 { samples(name).reduce(0) { $0 &+ $1.value } }

  func spread(_ name: String) -> Spread { Spread(samples(name).first?.distribution) }
}

/// Values in buckets, as the wire tells them.
struct Spread {
  var count: Int64 = 0
  var sum: Int64 = 0
  private var buckets: [Int64: Int64] = [:]

  init(_ distribution: TallystickV1.Distribution?) {
    guard let distribution else { return }
    count = distribution.count
    sum = distribution.sum
    for (end, count) in zip(distribution.bucketEnds, distribution.bucketCounts) { buckets[end] = count }
  }

  func since(_ earlier: Spread) -> Spread {
    var since = self
    since.count &-= earlier.count
    since.sum &-= earlier.sum
    for (end, count) in earlier.buckets { since.buckets[end, default: 0] &-= count }
    return since
  }

  /// Rounded up to its bucket's end; zero of nothing.
  func quantile(thousandths: Int64) -> Int64 {
    let total = buckets.values.reduce(0, &+)
    guard total > 0 else { return 0 }
    let rank = max(1, Int64(exactly: (Double(total) * Double(thousandths) / 1_000).rounded(.up)) ?? total)
    var seen: Int64 = 0
    for (end, count) in buckets.sorted(by: { $0.key < $1.key }) {
      seen &+= count
      if seen >= rank { return end }
    }
    return 0
  }
}

extension TallystickV1.MetricSample {
  func label(_ name: String) -> String { labels.first { $0.name == name }?.value ?? "" }
}
