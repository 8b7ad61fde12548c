// A lone caller is decided where it stands; a cancelled one is not decided at all.

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
    var submission = Submission(commands: [consume("u", 1, "c")], userId: "u", byteCount: 100)
    submission.lead = Self.atOnce
    engine.submit(submission, group: nil) { answered.put($0) }
    #expect(answered.value?.first?.receipt?.balance.availableMicros == 99)

    let threads = try (0..<8).map { thread in
      try Thread {
        for number in 0..<50 {
          let slot = Slot<[Outcome]>()
          var submission = Submission(
            commands: [consume("u", 1, "\(thread)-\(number)")], userId: "u", byteCount: 100)
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

  @Test("a submission that was cancelled before the writer took it is not applied")
  func cancelled() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory)
    try engine.must(purchase("u", 100, "p"))
    let slot = Slot<[Outcome]>()
    let submission = Submission(
      commands: [consume("u", 1, "c")], userId: "u", byteCount: 100, isCancelled: { true })
    engine.submit(submission, group: nil) { slot.put($0) }
    #expect(try slot.wait().first?.refusal?.reason == .cancelled)
    #expect(try engine.available("u") == 100)
    try engine.close()
  }
}
