// Sends demo data to a server over one connection, several calls at a time, with a progress bar.
//
// Invariants:
// 1. At most `depth` calls are unfinished at any time.
// 2. The first refused call or item ends the seeding. Seeding again continues from there, since what has
//    been sent already is replayed.
//
// Owner: the command's task; calls run in tasks that it waits for.

internal import TTRPC
internal import TallyClient
internal import TallyMessages

/// How many items were sent.
struct SeedCount: Sendable, Equatable {
  var sent = 0
  /// How many of them the server already had.
  var replayed = 0

  init(sent: Int = 0, replayed: Int = 0) {
    self.sent = sent
    self.replayed = replayed
  }

  /// One item.
  init(replayed: Bool) { self.init(sent: 1, replayed: replayed ? 1 : 0) }

  static func += (left: inout SeedCount, right: SeedCount) {
    left.sent += right.sent
    left.replayed += right.replayed
  }
}

/// The result of a seeding.
struct SeedSummary: Sendable {
  /// In the order in which they were sent.
  var kinds: [(name: String, count: SeedCount)] = []
  var runNanoseconds: UInt64 = 0
  var elapsedNanoseconds: UInt64 = 0

  static func perSecond(_ count: Int, _ nanoseconds: UInt64) -> UInt64 {
    nanoseconds == 0 ? 0 : UInt64(Double(count) / Double(nanoseconds) * 1e9)
  }
}

struct Seeder {
  private static let depth = 64
  /// A batch is a hundred kilobytes or more, so a few of them keep the writer busy.
  private static let batchDepth = 6
  private static let batchCount = 1_000
  static let todaysRuns = "runs of today"

  private let server: SeedClient
  private let data: DemoData
  private(set) var summary = SeedSummary()

  init(_ data: DemoData, _ client: TallyClient) {
    self.data = data
    server = SeedClient(client)
  }

  mutating func seed() async throws {
    let start = System.monotonicNanoseconds
    try await plansAndUsers()
    try await credits()
    let runStart = System.monotonicNanoseconds
    try await recordedRuns()
    summary.runNanoseconds = System.monotonicNanoseconds - runStart
    try await liveRuns()
    try await pages()
    summary.elapsedNanoseconds = System.monotonicNanoseconds - start
  }

  // MARK: Kinds

  private mutating func plansAndUsers() async throws {
    let (data, server) = (data, server)
    try await send("plans", DemoData.plans.count) { index in
      var request = TallystickV1.PutPlanRequest()
      request.plan = DemoData.plans[index]
      return SeedCount(replayed: try await server.call(TallystickV1.UsageService.putPlan, request).unchanged)
    }
    try await send("users", data.size.users) { index in
      var request = TallystickV1.PutUserSettingsRequest()
      request.settings = data.settings(ofUser: index)
      let reply = try await server.call(TallystickV1.AdminService.putUserSettings, request)
      return SeedCount(replayed: reply.unchanged)
    }
  }

  private mutating func credits() async throws {
    let (data, server) = (data, server)
    if data.size.creditMicros > 0 {
      try await send("purchases", data.size.users) { index in
        let request = data.purchase(ofUser: index)
        return SeedCount(
          replayed: try await server.call(TallystickV1.CreditService.addPurchase, request).replayed)
      }
    }
    try await sendBatches("grants", data.size.users) { range in
      var request = TallystickV1.BatchGrantPlanRequest()
      request.items = range.map(data.grant)
      var count = SeedCount()
      for item in try await server.call(TallystickV1.CreditService.batchGrantPlan, request).results {
        switch item.result {
        case .applied(let reply): count += SeedCount(replayed: reply.replayed)
        case .error(let error): throw TallyError(error)
        case nil: throw Failure(.software, "the server left a grant of the batch without a result")
        }
      }
      return count
    }
  }

  private mutating func recordedRuns() async throws {
    let data = data
    try await record("runs", data.size.runs, data.run)
    try await record(Self.todaysRuns, data.todaysRunCount, data.todaysRun)
  }

  private mutating func record(
    _ name: String, _ count: Int, _ run: @escaping @Sendable (Int) -> TallystickV1.RecordRunRequest
  ) async throws {
    let server = server
    try await sendBatches(name, count) { range in
      var request = TallystickV1.RecordRunsRequest()
      request.runs = range.map(run)
      var count = SeedCount()
      for result in try await server.call(TallystickV1.UsageService.recordRuns, request).results {
        if let error = result.error { throw TallyError(error) }
        count += SeedCount(replayed: result.replayed)
      }
      return count
    }
  }

  private mutating func liveRuns() async throws {
    let (data, server) = (data, server)
    try await send("live runs", data.liveRunCount) { index in
      let begun = try await server.call(TallystickV1.UsageService.beginRun, data.begin(index))
      if let finish = data.finish(index) {
        _ = try await server.call(TallystickV1.UsageService.finishRun, finish)
      }
      return SeedCount(replayed: begun.replayed)
    }
  }

  private mutating func pages() async throws {
    let (data, server) = (data, server)
    let perPage = DemoData.mediaPerPage
    try await send("media", data.size.pages * perPage) { index in
      let request = data.media(index % perPage, ofPage: index / perPage)
      return SeedCount(
        replayed: try await server.call(TallystickV1.PageService.createMedia, request).replayed)
    }
    try await send("pages", data.size.pages) { index in
      let made = try await server.call(TallystickV1.PageService.createPage, data.page(index))
      if let second = data.secondVersion(ofPage: index) {
        _ = try await server.call(TallystickV1.PageService.savePage, second)
      }
      if let publication = data.publication(ofPage: index) {
        _ = try await server.call(TallystickV1.PageService.publish, publication)
      }
      return SeedCount(replayed: made.change?.replayed ?? false)
    }
  }

  // MARK: Sending

  /// Sends items in batches.
  private mutating func sendBatches(
    _ name: String, _ items: Int, _ call: @escaping @Sendable (Range<Int>) async throws -> SeedCount
  ) async throws {
    let calls = (items + Self.batchCount - 1) / Self.batchCount
    try await send(name, items, calls: calls, depth: Self.batchDepth) { index in
      let first = index * Self.batchCount
      return try await call(first..<min(items, first + Self.batchCount))
    }
  }

  private mutating func send(
    _ name: String, _ items: Int, calls: Int? = nil, depth: Int = Self.depth,
    _ call: @escaping @Sendable (Int) async throws -> SeedCount
  ) async throws {
    var bar = ProgressBar()
    defer { bar.clear() }
    let start = System.monotonicNanoseconds
    let total = try await withThrowingTaskGroup(of: SeedCount.self) { group in
      var count = SeedCount()
      for index in 0..<(calls ?? items) {
        if index >= depth, let done = try await group.next() { count += done }
        let elapsed = System.monotonicNanoseconds - start
        bar.show(
          Self.title(name, count.sent, of: items, elapsed), done: Int64(count.sent), total: Int64(items))
        group.addTask { try await call(index) }
      }
      for try await done in group { count += done }
      return count
    }
    summary.kinds.append((name, total))
  }

  /// `runs, 25,000 a second, 38 s left`.
  static func title(_ name: String, _ done: Int, of items: Int, _ elapsedNanoseconds: UInt64) -> String {
    let rate = SeedSummary.perSecond(done, elapsedNanoseconds)
    if rate == 0 { return name }
    let left = (UInt64(max(0, items - done)) + rate - 1) / rate
    return "\(name), \(Dollars.grouped(rate)) a second, \(left) s left"
  }
}

/// A client that sends each call again when the connection is lost: all of them are harmless when repeated.
private struct SeedClient: Sendable {
  private let client: TallyClient
  private let options: CallOptions

  init(_ client: TallyClient) {
    self.client = client
    var options = client.defaults
    options.retry = .standard
    self.options = options
  }

  func call<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, _ request: Request
  ) async throws(TallyError) -> Response {
    try await client.call(rpc, request, options: options)
  }
}

extension TallyError {
  /// One item's failure in a batch.
  init(_ error: TallystickV1.ItemError) {
    self.init(
      StatusCode(rawValue: error.code) ?? .unknown, reason: error.info?.reason ?? "",
      error.message, details: error.info?.metadata ?? [:])
  }
}
