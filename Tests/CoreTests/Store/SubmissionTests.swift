// A lone caller is decided where it stands; a cancelled one is not decided at all, and one whose peer does
// not read is decided once it does.

internal import TallyLocking
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Lone and cancelled submissions")
struct SubmissionTests {
  /// A caller's thread that may wait at any time.
  static let atOnce: @Sendable (@escaping @Sendable () -> Void) -> Bool = { work in
    work()
    return true
  }

  @Test("a lone submission is answered before submit returns; one with company is not lost")
  func loneCaller() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory)
    try engine.must(purchase("u", 100, "p"))
    // The writer looks once more for company after its answer, and is awake until it has: the first of these
    // may stand before that look, the second stands after it.
    for _ in 0..<2 { try engine.sweep() }
    let answered = Slot<[Outcome]>()
    var submission = Submission(commands: [consume("u", 1, "c")], sharer: "u", byteCount: 100)
    submission.lead = Self.atOnce
    engine.submit(submission, group: nil) { answered.put($0) }
    #expect(answered.value?.first?.receipt?.balance.availableMicros == 99)

    let threads = try (0..<8).map { thread in
      try Thread {
        for number in 0..<50 {
          let slot = Slot<[Outcome]>()
          var submission = Submission(
            commands: [consume("u", 1, "\(thread)-\(number)")], sharer: "u", byteCount: 100)
          if number % 3 != 0 { submission.lead = Self.atOnce }
          engine.submit(submission, group: nil) { slot.put($0) }
          do { _ = try slot.wait() } catch { Issue.record(error) }
        }
      }
    }
    for thread in threads { try thread.join() }
    #expect(try engine.available("u") == 0)
    try engine.close()
  }

  /// A peer that is told by hand to read, or to go.
  private final class Peer: ReplyGroup {
    private let resumptions = Lock<[@Sendable (Bool) -> Void]?>([])

    func flush() {}
    var isCrowded: Bool { resumptions.withLock { $0 != nil } }
    var waitingCount: Int { resumptions.withLock { $0?.count ?? 0 } }

    func whenRoomy(_ resume: @escaping @Sendable (Bool) -> Void) -> Bool {
      resumptions.withLock { resumptions in
        resumptions?.append(resume)
        return resumptions != nil
      }
    }

    func end(isGone: Bool) {
      let waiting = resumptions.withLock { resumptions in
        let waiting = resumptions ?? []
        resumptions = nil
        return waiting
      }
      for resume in waiting { resume(isGone) }
    }
  }

  @Test("nothing is decided for a peer that does not read, until it does", arguments: [false, true])
  func crowded(isGone: Bool) throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory)
    try engine.must(purchase("u", 100, "p"))
    let peer = Peer()
    let slots = [Slot<[Outcome]>(), Slot<[Outcome]>()]
    for (number, slot) in slots.enumerated() {
      let submission = Submission(commands: [consume("u", 1, "c\(number)")], sharer: "u", byteCount: 100)
      engine.submit(submission, group: peer) { slot.put($0) }
    }
    try waitUntil { peer.waitingCount == 2 }
    // Others are served meanwhile, and nothing is queued.
    try engine.must(consume("u", 10, "other"))
    #expect(try engine.available("u") == 90)
    #expect(engine.pendingCount == 0)
    peer.end(isGone: isGone)
    let outcomes = try slots.map { try $0.wait().first }
    if isGone {
      #expect(outcomes.allSatisfy { $0?.refusal?.reason == .cancelled })
    } else {
      #expect(outcomes.map { $0?.receipt?.balance.availableMicros } == [89, 88])
    }
    #expect(try engine.available("u") == (isGone ? 90 : 88))
    try engine.close()
  }

  @Test("a submission that was cancelled before the writer took it is not applied")
  func cancelled() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory)
    try engine.must(purchase("u", 100, "p"))
    let slot = Slot<[Outcome]>()
    let submission = Submission(
      commands: [consume("u", 1, "c")], sharer: "u", byteCount: 100, isCancelled: { true })
    engine.submit(submission, group: nil) { slot.put($0) }
    #expect(try slot.wait().first?.refusal?.reason == .cancelled)
    #expect(try engine.available("u") == 100)
    try engine.close()
  }
}
