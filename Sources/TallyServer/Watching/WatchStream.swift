// WatchTransactions, WatchEvents and WatchPages: a watcher from its request to its end.
//
// Invariants:
// 1. It reads by itself what was committed before it came, then joins at a position, reads up to it, and is
//    served from there: each row once, in order, with nothing missing where the two meet.
// 2. Every message says where another call goes on, the first one at once.
// 3. While it is served its task is suspended and holds nothing but the call.
//
// Owner: the stream's task.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

struct WatchStream {
  /// Whoever is no farther from the end of the ledger joins first and reads then, while rows are kept.
  static let nearRowCount: Int64 = 2_048

  private let watch: LedgerWatch
  private let reads: WatchReads
  private let watcher: Watcher
  private let sink: MessageSink
  private let userIds: [String]
  private var nextSequence: Int64
  private var span = WatchReads.shortestSpan

  /// What a call asks for, whatever it watches.
  private struct Asked {
    var from: Int64
    var field: String
    var userIds: [String]
  }

  static func binding(_ services: Services) -> Binding {
    let reads = WatchReads(engine: services.engine, lanes: services.lanes)
    return binding(
      TallystickV1.CreditService.watchTransactions, services, services.watch, reads
    ) { request in
      Asked(from: request.fromSequence, field: "from_sequence", userIds: request.userIds)
    }
  }

  /// WatchEvents.
  static func eventBinding(_ services: Services) -> Binding {
    let reads = WatchReads(engine: services.engine, lanes: services.lanes, EncodedRow.init) {
      (engine, filter) throws(Refusal) in
      try engine.events(filter)
    }
    return binding(
      TallystickV1.UsageService.watchEvents, services, services.eventWatch, reads
    ) { request in
      Asked(from: request.fromEventId, field: "from_event_id", userIds: request.userIds)
    }
  }

  /// WatchPages.
  static func pageBinding(_ services: Services) -> Binding {
    let reads = WatchReads(engine: services.engine, lanes: services.lanes, EncodedRow.init) {
      (engine, filter) throws(Refusal) in
      try engine.pageUpdates(filter)
    }
    return binding(TallystickV1.PageService.watchPages, services, services.pageWatch, reads) { request in
      Asked(from: request.fromUpdate, field: "from_update", userIds: request.userIds)
    }
  }

  private static func binding<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, _ services: Services, _ watch: LedgerWatch, _ reads: WatchReads,
    _ ask: @escaping @Sendable (Request) -> Asked
  ) -> Binding {
    (
      rpc.method,
      .streaming(.serverStream) { context, inbound, outbound in
        let caller = try services.admitStream(context, isWrite: false)
        let asked = ask(try await single(Request.self, inbound))
        let userIds = try parse(asked)
        try caller.require(.readonly)
        // Nobody's id stands for all users.
        for userId in userIds.isEmpty ? [""] : userIds { try caller.mayTouch(userId: userId) }
        let watcher = try watch.admit(
          WatchTarget(context, outbound), userIds: Set(userIds.map(ExactText.init)))
        defer { watch.release(watcher) }
        let from = try first(asked, lastSequence: watch.lastSequence)
        var stream = WatchStream(
          watch: watch, reads: reads, watcher: watcher, sink: outbound, userIds: userIds, nextSequence: from)
        try await stream.run()
      }
    )
  }

  /// - Returns: the users' ids, each once.
  private static func parse(_ asked: Asked) throws(Status) -> [String] {
    do throws(Refusal) {
      if asked.from < 0 { throw invalidField(asked.field, "must not be negative") }
      try Fields.elements(asked.userIds.count, "user_ids", atMost: Limits.watchUserCount)
      for (index, id) in asked.userIds.enumerated() {
        try Fields.required(id, "user_ids[\(index)]", atMost: Limits.userIdByteCount)
      }
    } catch { throw Status(error) }
    return Set(asked.userIds.map(ExactText.init)).sorted().map(\.text)
  }

  /// After it was admitted: if another ledger comes now, the watcher ends.
  private static func first(_ asked: Asked, lastSequence: Int64) throws(Status) -> Int64 {
    if asked.from == 0 { return lastSequence + 1 }
    if asked.from <= lastSequence + 1 { return asked.from }
    throw Status(
      invalidField(
        asked.field, "is \(asked.from), but the last one that was committed is \(lastSequence)",
        limit: lastSequence + 1))
  }

  private mutating func run() async throws(Status) {
    try watch.check(watcher)
    try await sink.send(WatchMessage.end(nextSequence: nextSequence))
    while true {
      while watch.lastSequence - nextSequence >= Self.nearRowCount { try await read(before: Int64.max) }
      guard let position = await watch.join(watcher, from: nextSequence) else { throw over() }
      while nextSequence < position { try await read(before: position) }
      switch await watch.serve(watcher) {
      case .overrun: continue
      case .over: throw over()
      }
    }
  }

  /// What the watch itself ends for is said here too, since the thread may come to this watcher later.
  private func over() -> Status {
    do throws(Status) { try watch.check(watcher) } catch { return error }
    return Self.over
  }

  /// The call was answered when its watcher ended.
  static let over = Status(.cancelled, "the call is over")

  /// Reads a slice and sends it.
  private mutating func read(before limit: Int64) async throws(Status) {
    try await sink.waitForRoom()
    var filter = LedgerFilter(fromSequence: nextSequence, limit: WatchReads.rowCount)
    filter.userIds = userIds
    let length = userIds.isEmpty ? Int64(WatchReads.rowCount) : span
    filter.beforeSequence = min(limit, nextSequence + length)
    let slice = try await reads.slice(filter)
    adapt(found: slice.rows.count)
    // Whatever was read may belong to a ledger that has come since.
    try watch.check(watcher)
    var rows = slice.rows[...]
    repeat {
      let count = WatchMessage.count(rows, atMost: watch.messageByteCount)
      let message = rows.prefix(count)
      rows = rows.dropFirst(count)
      nextSequence = rows.first?.sequence ?? slice.nextSequence
      if count == 0 && slice.isLast { break }
      try await sink.send(WatchMessage.make(message, nextSequence: nextSequence))
    } while !rows.isEmpty
  }

  private mutating func adapt(found count: Int) {
    if count == WatchReads.rowCount {
      span = max(span / 2, WatchReads.shortestSpan)
    } else if count < WatchReads.rowCount / 4 {
      span = min(span * 2, WatchReads.longestSpan)
    }
  }
}
