// Reads of the past: watchers leave half of the readers to others.

import TTRPC
import TallyCore
import TallyLocking
import TallyTestSupport
import Testing

@testable import TallyServer

@Suite("Reads of watchers") struct WatchReadsTests {
  @Test("no more than half of the readers are at work, and whoever leaves passes the turn on")
  func turns() async throws {
    try await LiveServer.run(configure: { $0.engine.readerCount = 4 }) { live in
      try await live.purchase("a", 1, payment: "p", key: "p")
      let engine = live.server.engineForTesting
      #expect(engine.readerCount == 4)
      // The lanes stand still, and so do those who are at work.
      let lanes = ReadLanes(count: 4)
      let isOpen = Lock(false)
      for _ in 0..<4 {
        lanes.run {
          do { try waitUntil("the test lets it go on") { isOpen.withLock { $0 } } } catch {
            Issue.record(error)
          }
        }
      }
      let reads = WatchReads(engine: engine, lanes: lanes)
      let tasks = (0..<10).map { _ in
        Task { try await reads.slice(LedgerFilter(fromSequence: 1, limit: 10)).rows.count }
      }
      try await eventually("two are at work") { reads.waitingCount == 8 }
      for task in tasks.suffix(5) { task.cancel() }
      isOpen.withLock { $0 = true }
      var counts: [Int] = []
      for task in tasks.prefix(5) { counts.append(try await task.value) }
      #expect(counts == [1, 1, 1, 1, 1])
      for task in tasks.suffix(5) { _ = await task.result }
      #expect(reads.waitingCount == 0)
    }
  }
}
