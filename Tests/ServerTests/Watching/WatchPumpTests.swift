// The thread that serves watchers, on peers that read only when a test says so: nothing is sent twice or left
// out, and whoever falls behind is told where to go on.

import TTRPC
import TallyLocking
import TallyMessages
import TallyTestSupport
import Testing

@testable import TallyCore
@testable import TallyServer

@Suite("Serving watchers") struct WatchPumpTests {
  /// A connection with one watcher on it.
  private final class Peer: Sendable {
    private struct State {
      var isCrowded = false
      var resume: (@Sendable () -> Void)?
      var sequences: [Int64] = []
      var nextSequence: Int64 = 0
      var end: Status?
      var isGone = false
    }

    private let state = Lock(State())
    let connectionId: UInt64
    /// Called within each offer; may wait.
    let inOffer: @Sendable () -> Void

    init(_ connectionId: UInt64, inOffer: @escaping @Sendable () -> Void = {}) {
      self.connectionId = connectionId
      self.inOffer = inOffer
    }

    var target: WatchTarget {
      WatchTarget(
        connectionId: connectionId, offer: { message throws(Status) in try self.take(message) }, flush: {},
        whenRoomy: { resume in
          self.state.withLock { state in
            if state.isGone { return false }
            if state.isCrowded { state.resume = resume }
            return state.isCrowded
          }
        }, end: { status in self.state.withLock { $0.end = status } },
        isGone: { self.state.withLock { $0.isGone } })
    }

    private func take(_ message: [UInt8]) throws(Status) -> Bool {
      inOffer()
      return state.withLock { state in
        if state.isCrowded { return false }
        let response = try? TallystickV1.WatchTransactionsResponse.decode(message)
        state.sequences += response?.transactions.map(\.sequence) ?? []
        state.nextSequence = response?.nextSequence ?? -1
        return true
      }
    }

    var isCrowded: Bool {
      get { state.withLock { $0.isCrowded } }
      set {
        let resume = state.withLock { state in
          state.isCrowded = newValue
          return newValue ? nil : state.resume.take()
        }
        resume?()
      }
    }

    /// Its connection is closed, and takes nothing any more.
    func leave() { state.withLock { ($0.isGone, $0.isCrowded) = (true, true) } }

    var sequences: [Int64] { state.withLock { $0.sequences } }
    var nextSequence: Int64 { state.withLock { $0.nextSequence } }
    var resumeSequence: Int64? {
      guard let end = state.withLock({ $0.end }) else { return nil }
      let failed = Failed(end)
      #expect(failed.code == .outOfRange && failed.reason == "LAGGED")
      return failed.details["resume_sequence"].flatMap { Int64($0) }
    }
    func end() -> Status? { state.withLock { $0.end } }
  }

  /// Commits rows without a writer.
  private final class Ledger {
    let watch = LedgerWatch()
    private(set) var lastSequence: Int64

    init(after sequence: Int64 = 0) {
      lastSequence = sequence
      watch.begin(after: sequence)
    }

    func commit(_ userIds: [String], description: String = "", refersTo: Int64? = nil) {
      watch.append(
        CommittedRows(
          rows: userIds.map { userId in
            lastSequence += 1
            var entry = Entry(
              userId: userId, type: .apiUsage, amountMicros: -1, balanceAfterMicros: 0, heldAfterMicros: 0,
              version: 1, atMicros: 1, effectiveAtMicros: 1, lots: [])
            entry.sequence = lastSequence
            entry.text.description = description
            entry.refersTo = refersTo
            return WriteSet.LedgerRow(entry: entry, account: 1, hash: [], textDigest: nil)
          }))
    }

    /// A watcher that has joined at the end, and is served.
    func serve(_ peer: Peer, users: Set<String> = []) async throws -> Task<WatchEnd, Never> {
      let watcher = try watch.admit(peer.target, userIds: Set(users.map(ExactText.init)))
      let position = await watch.join(watcher, from: 0)
      #expect(position == lastSequence + 1)
      let watch = watch
      return Task {
        let end = await watch.serve(watcher)
        watch.release(watcher)
        return end
      }
    }
  }

  private static let lag = Limits.watchLagRowCount

  @Test("rows go to whom they concern, in order, in however many commits they come") func order() async throws
  {
    let ledger = Ledger(after: 41)
    defer { ledger.watch.shutDown() }
    let (all, a, ab) = (Peer(1), Peer(2), Peer(3))
    let tasks = [
      try await ledger.serve(all), try await ledger.serve(a, users: ["a"]),
      try await ledger.serve(ab, users: ["a", "b"]),
    ]
    for round in 0..<500 { ledger.commit(["a", "b", "c", "c"].shuffled() + (round % 2 == 0 ? ["a"] : [])) }
    try await eventually("all is sent") { all.sequences.count == 2_250 }
    #expect(all.sequences == Array(42...2_291) && all.nextSequence == 2_292)
    try await eventually("theirs is sent") { a.sequences.count == 750 && ab.sequences.count == 1_250 }
    #expect(a.sequences == a.sequences.sorted() && Set(a.sequences).isSubset(of: ab.sequences))
    ledger.watch.shutDown()
    for task in tasks { #expect(await task.value == .over) }
    #expect(Failed(try #require(a.end())).reason == "SHUTTING_DOWN")
  }

  @Test("a peer that reads again gets the rest, and nothing twice") func room() async throws {
    let ledger = Ledger()
    defer { ledger.watch.shutDown() }
    let (slow, quick, some) = (Peer(1), Peer(2), Peer(3))
    for peer in [slow, quick] { _ = try await ledger.serve(peer) }
    _ = try await ledger.serve(some, users: ["a"])
    for round in 0..<40 {
      slow.isCrowded = round % 3 != 0
      some.isCrowded = round % 4 != 0
      for _ in 0..<20 { ledger.commit(["a", "b", "a"]) }
      try await eventually("the quick one has all") { quick.sequences.last == ledger.lastSequence }
    }
    slow.isCrowded = false
    some.isCrowded = false
    try await eventually("the slow ones have all") {
      slow.sequences.count == 2_400 && some.sequences.count == 1_600
    }
    #expect(slow.sequences == Array(1...2_400))
    #expect(some.sequences == (1...2_400).filter { $0 % 3 != 2 })
    #expect(ledger.watch.laggedCount == 0)
  }

  @Test("whoever is too many rows behind is told where to go on, and nobody else notices")
  func lagged() async throws {
    let ledger = Ledger()
    defer { ledger.watch.shutDown() }
    let (slow, some, rare, quick) = (Peer(1), Peer(2), Peer(3), Peer(4))
    let ends = [
      try await ledger.serve(slow), try await ledger.serve(some, users: ["a"]),
      try await ledger.serve(rare, users: ["nobody"]), try await ledger.serve(quick),
    ]
    ledger.commit(["a", "b"])
    try await eventually("all have the first") { some.sequences == [1] && slow.nextSequence == 3 }
    for peer in [slow, some, rare] { peer.isCrowded = true }
    while ledger.lastSequence < 2 * Int64(Self.lag) {
      ledger.commit([String](repeating: "b", count: 511) + ["a"])
      try await eventually("the quick one has all") { quick.sequences.last == ledger.lastSequence }
    }
    #expect(await ends[0].value == .over)
    #expect(await ends[1].value == .over)
    #expect(slow.sequences == [1, 2] && slow.resumeSequence == 3)
    // Row 2 is of no interest to it: to go on from 2 or 3 is the same.
    let someResume = try #require(some.resumeSequence)
    #expect(some.sequences == [1] && (2...3).contains(someResume))
    #expect(ledger.watch.laggedCount == 2 && ledger.watch.watcherCount == 2)
    // One who misses nothing does not lag.
    #expect(rare.end() == nil)
    #expect(quick.sequences == Array(1...ledger.lastSequence))
  }

  @Test(
    "for a peer that is gone nothing is kept, and the others go on",
    arguments: [[], ["a"]] as [Set<String>])
  func gone(users: Set<String>) async throws {
    let ledger = Ledger()
    defer { ledger.watch.shutDown() }
    let (gone, other) = (Peer(1), Peer(2))
    let end = try await ledger.serve(gone, users: users)
    _ = try await ledger.serve(other)
    ledger.commit(["a"])
    try await eventually("both have the first") { gone.sequences == [1] && other.sequences == [1] }
    gone.leave()
    for number in 2...40 as ClosedRange<Int64> {
      ledger.commit(["a"])
      try await eventually("the other one has it") { other.sequences.last == number }
    }
    #expect(gone.sequences == [1])
    end.cancel()
    #expect(await end.value == .over)
    #expect(ledger.watch.watcherCount == 1 && ledger.watch.laggedCount == 0)
  }

  @Test("where names of rows cannot be read everybody goes on by reading, and the next ones are served")
  func unnamed() async throws {
    let ledger = Ledger()
    defer { ledger.watch.shutDown() }
    let isDamaged = Lock(true)
    ledger.watch.setNames { (rows) throws(Refusal) in
      if isDamaged.withLock({ $0 }) { throw Refusal(.corrupt, "a row cannot be read") }
      return rows
    }
    let peer = Peer(1)
    let end = try await ledger.serve(peer)
    ledger.commit(["a"])
    try await eventually("it has the first") { peer.sequences == [1] }
    ledger.commit(["a"], refersTo: 1)
    #expect(await end.value == .over)
    #expect(peer.sequences == [1] && peer.resumeSequence == 2)
    isDamaged.withLock { $0 = false }
    let next = Peer(2)
    _ = try await ledger.serve(next)
    ledger.commit(["a"], refersTo: 1)
    try await eventually("it is sent") { next.sequences == [3] }
  }

  @Test("all connections together have a limit of watchers") func limit() throws {
    let watch = LedgerWatch()
    defer { watch.shutDown() }
    watch.begin(after: 0)
    var watchers: [Watcher] = []
    for number in 0..<Limits.watcherCount {
      let connectionId = UInt64(number / Limits.connectionWatcherCount)
      watchers.append(try watch.admit(Peer(connectionId).target, userIds: []))
    }
    let status = #expect(throws: Status.self) { try watch.admit(Peer(UInt64.max).target, userIds: []) }
    let failed = try Failed(#require(status))
    #expect(failed.reason == "TOO_MANY_IN_FLIGHT" && failed.details["limit"] == String(Limits.watcherCount))
    watch.release(watchers[0])
    #expect(throws: Never.self) { try watch.admit(Peer(UInt64.max).target, userIds: []) }
  }

  @Test("large rows count by their bytes") func bytes() async throws {
    let ledger = Ledger()
    defer { ledger.watch.shutDown() }
    let slow = Peer(1)
    let end = try await ledger.serve(slow)
    ledger.commit(["a"])
    try await eventually("it is served") { slow.sequences == [1] }
    slow.isCrowded = true
    let text = String(repeating: "x", count: 1_000)
    let enough = Limits.watchLagByteCount / 1_000 + 2_000
    #expect(enough < Self.lag)
    while ledger.lastSequence < enough { ledger.commit(["a"], description: text) }
    #expect(await end.value == .over)
    #expect(slow.resumeSequence == 2)
  }

  @Test("whoever reads the past for too long has to read again, and misses nothing") func overrun()
    async throws
  {
    let ledger = Ledger(after: 7)
    defer { ledger.watch.shutDown() }
    let filters: [Set<String>] = [[], ["a"]]
    for users in filters {
      let peer = Peer(1)
      let first = ledger.lastSequence + 1
      let watcher = try ledger.watch.admit(peer.target, userIds: Set(users.map(ExactText.init)))
      #expect(await ledger.watch.join(watcher, from: 3) == first)
      for _ in 0..<2 * Self.lag / 256 { ledger.commit([String](repeating: "a", count: 256)) }
      #expect(await ledger.watch.serve(watcher) == .overrun)
      #expect(peer.sequences.isEmpty && peer.end() == nil)
      // By then it has read more than what was committed when it joins again.
      let position = ledger.lastSequence + 1
      #expect(await ledger.watch.join(watcher, from: position + 2) == position)
      ledger.commit(["a", "a", "a"])
      let task = Task { [watch = ledger.watch] in await watch.serve(watcher) }
      try await eventually("it is served") { peer.nextSequence == position + 3 }
      #expect(peer.sequences == [position + 2])
      ledger.watch.release(watcher)
      #expect(await task.value == .over)
    }
  }

  @Test("when the thread itself falls behind, everybody is told where to go on") func lost() async throws {
    let gate = Lock(false)
    let isWaiting = Lock(false)
    let ledger = Ledger()
    defer { ledger.watch.shutDown() }
    let peer = Peer(1) {
      isWaiting.withLock { isWaiting in isWaiting = gate.withLock { $0 } }
      do { try waitUntil("the test lets it go on") { !gate.withLock { $0 } } } catch { Issue.record(error) }
    }
    let other = Peer(2)
    let ends = [try await ledger.serve(peer), try await ledger.serve(other, users: ["b"])]
    ledger.commit(["a", "b"])
    try await eventually("both are served") { peer.sequences == [1, 2] && other.sequences == [2] }
    gate.withLock { $0 = true }
    ledger.commit(["a"])
    try await eventually("the thread is at work") { isWaiting.withLock { $0 } }
    for _ in 0...LedgerWatch.maximumWaitingRows / 512 {
      ledger.commit([String](repeating: "a", count: 512))
    }
    for _ in 0..<100 { ledger.commit([String](repeating: "b", count: 512)) }
    gate.withLock { $0 = false }
    for end in ends { #expect(await end.value == .over) }
    let resume = try #require(peer.resumeSequence)
    #expect(peer.sequences == Array(1..<resume) && resume < ledger.lastSequence)
    let otherResume = try #require(other.resumeSequence)
    #expect(otherResume <= resume && other.sequences == [2])
    // The next one is served as if nothing had been.
    let next = Peer(3)
    _ = try await ledger.serve(next)
    ledger.commit(["a"])
    try await eventually("it is sent") { next.sequences == [ledger.lastSequence] }
  }

  @Test("another ledger ends those of the one before, and nothing of it reaches them") func replaced()
    async throws
  {
    let ledger = Ledger(after: 9)
    defer { ledger.watch.shutDown() }
    let (served, reading) = (Peer(1), Peer(2))
    let end = try await ledger.serve(served)
    let watcher = try ledger.watch.admit(reading.target, userIds: [])
    ledger.commit(["a"])
    ledger.watch.willReplace()
    #expect(throws: Status.self) { try ledger.watch.admit(Peer(3).target, userIds: []) }
    ledger.watch.begin(after: 0)
    ledger.commit(["a"])
    #expect(await end.value == .over)
    #expect(served.sequences.allSatisfy { $0 == 10 } && served.sequences.count <= 1)
    try await eventually("the other one ends too") { reading.end() != nil }
    #expect(throws: Status.self) { try ledger.watch.check(watcher) }
    #expect(await ledger.watch.join(watcher, from: 1) == nil)
    for peer in [served, reading] { #expect(Failed(try #require(peer.end())).reason == "CANCELLED") }
  }

  @Test("a task that is cancelled before or while it is served waits for nothing") func cancelled()
    async throws
  {
    let ledger = Ledger()
    defer { ledger.watch.shutDown() }
    let end = try await ledger.serve(Peer(1))
    end.cancel()
    #expect(await end.value == .over)
    let watcher = try ledger.watch.admit(Peer(2).target, userIds: [])
    let task = Task { [watch = ledger.watch] in
      while !Task.isCancelled { await Task.yield() }
      return await watch.join(watcher, from: 0)
    }
    task.cancel()
    #expect(await task.value == nil)
    ledger.watch.release(watcher)
    #expect(ledger.watch.watcherCount == 0)
  }
}
