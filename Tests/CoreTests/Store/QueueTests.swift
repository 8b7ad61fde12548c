// The writer's queue: its bounds, and its fairness.

internal import TallyLocking
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Submission queue")
struct QueueTests {
  private func work(_ sharer: String, bytes: Int = 1) -> Work {
    Work(
      submission: Submission<Command>(commands: [], sharer: sharer, byteCount: bytes), group: nil,
      completion: { _ in })
  }

  private func add(
    _ queue: inout SubmissionQueue, _ work: Work, fits: Bool = true,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let hasRoom = queue.hasRoom(for: work.sharer)
    let didFit = queue.add(work)
    try #require(didFit == fits, sourceLocation: sourceLocation)
    // What has no room never fits, and what is small fits if there is any.
    if didFit || work.byteCount == 1 { try #require(hasRoom == didFit, sourceLocation: sourceLocation) }
  }

  private func take(_ queue: inout SubmissionQueue) -> [Work] { queue.take() }

  @Test("one alone has 1,024 of 4,096 items, each of several a third of what is free")
  func items() throws {
    var queue = SubmissionQueue()
    for _ in 0..<1_024 { try add(&queue, work("a")) }
    try add(&queue, work("a"), fits: false)
    // Texts that look alike are different users.
    for _ in 0..<768 { try add(&queue, work("\u{e9}")) }
    try add(&queue, work("\u{e9}"), fits: false)
    for _ in 0..<576 { try add(&queue, work("e\u{301}")) }
    try add(&queue, work("e\u{301}"), fits: false)
    try add(&queue, work("a"), fits: false)
    #expect(!queue.isFull)
    var taken = 0
    while !queue.isEmpty { taken += queue.take().count }
    #expect(taken == 1_024 + 768 + 576)
    // The writer has looked at an empty queue: nothing is being decided.
    #expect(queue.take().isEmpty)
    #expect(queue.byteCount == 0)
    for _ in 0..<1_024 { try add(&queue, work("a")) }
  }

  @Test("however many flood it, there is room for one who has nothing waiting", arguments: [4, 64, 1_000])
  func newcomer(floodCount: Int) throws {
    var queue = SubmissionQueue()
    var hasRoom = true
    while hasRoom {
      hasRoom = false
      for number in 0..<floodCount where queue.add(work("loud-\(number)")) { hasRoom = true }
    }
    let flooded = queue.count
    #expect(flooded > SubmissionQueue.maximumItems / 2 && !queue.isFull)
    for number in 0..<SubmissionQueue.maximumItems - flooded { try add(&queue, work("quiet-\(number)")) }
    #expect(queue.isFull)
    try add(&queue, work("late"), fits: false)
  }

  @Test("who floods the queue takes one place of its last 64th, which is for who has nothing waiting")
  func spared() throws {
    var queue = SubmissionQueue()
    for number in 0..<60 {
      var count = 0
      while queue.add(work("flood-\(number)")) { count += 1 }
      #expect(count > 0)
    }
    #expect(!queue.isFull)
    try add(&queue, work("quiet"))
  }

  @Test("a batch's places are kept until it is decided: what is put back leaves room for a newcomer")
  func keptPlaces() throws {
    var queue = SubmissionQueue()
    func flood() {
      for number in 0..<60 { while queue.add(work("flood-\(number)")) {} }
    }
    flood()
    let taken = queue.take()
    #expect(taken.count == SubmissionQueue.batchItems)
    flood()
    queue.putBack(Array(taken.dropFirst()))
    #expect(queue.count < SubmissionQueue.maximumItems)
    try add(&queue, work("quiet"))
  }

  @Test("holds 32 MiB, 8 MiB of one alone")
  func bytes() throws {
    var queue = SubmissionQueue()
    let megabyte = 1 << 20
    for _ in 0..<8 { try add(&queue, work("a", bytes: megabyte)) }
    try add(&queue, work("a", bytes: 1), fits: false)
    // Who has nothing waiting may send a large one.
    try add(&queue, work("b", bytes: 12 * megabyte))
    try add(&queue, work("b", bytes: 1), fits: false)
    try add(&queue, work("c", bytes: 12 * megabyte))
    #expect(queue.isFull)
    try add(&queue, work("d", bytes: 1), fits: false)
  }

  @Test("a batch is 256 items or 1 MiB, and one large item is a batch of its own")
  func batches() throws {
    var queue = SubmissionQueue()
    for _ in 0..<300 { try add(&queue, work("a", bytes: 10)) }
    #expect(take(&queue).count == 256)
    #expect(take(&queue).count == 44)
    #expect(take(&queue).isEmpty)
    try add(&queue, work("a", bytes: 3 << 20))
    try add(&queue, work("b", bytes: 1 << 20))
    try add(&queue, work("c", bytes: 1))
    #expect(take(&queue).map(\.sharer) == ["a"])
    #expect(take(&queue).map(\.sharer) == ["b"])
    #expect(take(&queue).map(\.sharer) == ["c"])
  }

  @Test("users take turns when more waits than a batch takes; each keeps its order")
  func fairness() throws {
    var queue = SubmissionQueue()
    for number in 0..<900 { try add(&queue, work("loud", bytes: number)) }
    try add(&queue, work("quiet", bytes: 1))
    try add(&queue, work("quiet", bytes: 2))
    let batch = queue.take()
    let positions = batch.indices.filter { batch[$0].sharer == "quiet" }
    #expect(positions == [1, 3])
    let loud = batch.filter { $0.sharer == "loud" }.map(\.byteCount)
    #expect(loud == Array(0..<254))
  }

  @Test("whose submissions each fill a batch keeps nobody waiting for more than two of them")
  func fullBatches() throws {
    var queue = SubmissionQueue()
    for number in 0..<300 { try add(&queue, work("heavy", bytes: number + 1)) }
    try add(&queue, work("light"))
    var batchCount = 0
    while true {
      let taken = queue.take()
      batchCount += 1
      // The first one fills the batch.
      if taken.first?.sharer == "light" { break }
      try #require(batchCount < 3)
      queue.putBack(Array(taken.dropFirst()))
    }
    #expect(batchCount == 2)
    let bytes = take(&queue).map(\.byteCount)
    #expect(bytes == bytes.sorted())
  }

  @Test("what is put back comes before its user's later work, and counts as before")
  func putBack() throws {
    var queue = SubmissionQueue()
    for (user, bytes) in [("a", 1), ("a", 2), ("b", 3)] { try add(&queue, work(user, bytes: bytes)) }
    let taken = queue.take()
    #expect(queue.isEmpty)
    try add(&queue, work("a", bytes: 4))
    try add(&queue, work("c", bytes: 5))
    queue.putBack(Array(taken.prefix(2)))
    #expect(queue.count == 4 && queue.byteCount == 12)
    let next = take(&queue)
    #expect(next.filter { $0.sharer == "a" }.map(\.byteCount) == [1, 2, 4])
    #expect(next.map(\.sharer).firstIndex(of: "c") ?? 9 <= 1)
    #expect(queue.isEmpty && queue.byteCount == 0)
    #expect(take(&queue).isEmpty)
    // Put back works count in their user's share.
    for _ in 0..<1_024 { try add(&queue, work("a")) }
    let first = queue.take()
    while queue.add(work("a")) {}
    queue.putBack(first)
    #expect(queue.count < SubmissionQueue.maximumItems / 3)
    try add(&queue, work("a"), fits: false)
  }

  @Test("a caller whom the queue turns away hears so at once, and everything queued is answered")
  func overload() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    // The writer stands still inside its first command.
    let gate = Monitor(false)
    var faults = EngineFaults()
    faults.afterWriting { (_) throws(StoreFault) in _ = gate.wait(until: { $0 }, then: { _ in }) }
    let engine = try open(directory, faults: faults)
    let answered = Monitor<[String: Int]>([:])
    func send(_ sharer: String, _ name: String) {
      engine.submit(
        Submission(
          commands: [purchase(name, 1, "p")], sharer: sharer, deadlineNanoseconds: nil, byteCount: 10),
        group: nil
      ) { outcomes in
        let reason = outcomes.first?.refusal?.reason.rawValue ?? "applied"
        answered.withLock { $0[reason, default: 0] += 1 }
        answered.broadcast()
      }
    }
    send("first", "p")
    try waitUntil { engine.pendingCount == 0 }
    for number in 0..<1_100 { send("loud", "p\(number)") }
    #expect(answered.withLock { $0 } == ["QUEUE_FULL": 1_100 - 1_024])
    // One of 4,096 is in the batch that is being decided.
    for number in 0..<3_071 { send("q\(number)", "q\(number)") }
    #expect(answered.withLock { $0 } == ["QUEUE_FULL": 76])
    #expect(engine.admission()?.reason == .queueFull)
    send("late", "late")
    #expect(answered.withLock { $0 } == ["QUEUE_FULL": 77])
    gate.withLock { $0 = true }
    gate.broadcast()
    try waitUntil { answered.withLock { $0.values.reduce(0, +) } == 4_173 }
    #expect(engine.admission() == nil)
    #expect(engine.state().ledgerSequence == 4_096)
    try engine.close()
  }
}
