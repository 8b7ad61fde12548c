// Writers and readers at once: no reader sees an older value than one that was acknowledged before it asked.

internal import TallyLocking
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Cache exactness")
struct CacheExactnessTests {
  private static let users = (0..<4).map { "user-\($0)" }
  private static let plans = (0..<2).map { "plan-\($0)" }
  private static let writes: Int64 = 300
  private static let readers = 4

  /// The last value of each name that its writer was told of, and that commit.
  private final class Acknowledged: Sendable {
    private struct State {
      var values: [String: Snapshot<Int64>] = [:]
      var writers: Int
      var failures: [String] = []
    }
    private let state: Monitor<State>

    init(writers: Int) { state = Monitor(State(writers: writers)) }

    func note(_ name: String, _ value: Int64, _ commit: CommitPoint) {
      state.withLock { $0.values[name] = Snapshot(value, commitSequence: commit.sequence) }
    }

    func last(_ name: String) -> Snapshot<Int64> {
      state.withLock { $0.values[name] ?? Snapshot(0, commitSequence: 0) }
    }

    func fail(_ text: String) { state.withLock { $0.failures.append(text) } }
    func finishWriter() { state.withLock { $0.writers -= 1 } }
    var isWriting: Bool { state.withLock { $0.writers > 0 } }
    var failures: [String] { state.withLock { $0.failures } }
  }

  private static func settings(_ userId: String, _ value: Int64) -> Command {
    var settings = UserSettings(userId: userId)
    settings.email = String(value)
    settings.planId = plans[0]
    settings.role = value % 2 == 0 ? .admin : .user
    return .admin(.putSettings(settings))
  }

  private static func plan(_ planId: String, _ value: Int64) -> Command {
    .putPlan(
      Plan(
        id: planId, displayName: planId, monthlyCreditMicros: value, grantExpiry: .never,
        limits: PlanLimits(pageCount: value)))
  }

  private static func commit(_ outcome: Outcome?) -> CommitPoint? {
    switch outcome {
    case .admin(.settingsStored(_, _, let commit)): commit
    case .planStored(_, _, let commit): commit
    case .pricesStored(let it): it.commit
    default: nil
    }
  }

  /// What a read of a name answers, from a cache or not.
  private static func read(_ name: String, _ engine: SQLiteEngine) throws -> Snapshot<Int64> {
    if users.contains(name) {
      let read = try engine.settings(userId: name)
      let value = Int64(read.value.email) ?? -1
      let isSound = read.value.isActingAdmin == (value % 2 == 0)
      return Snapshot(isSound ? value : -1, commitSequence: read.commitSequence)
    }
    let read = try engine.plans(afterId: nil, limit: 10)
    return Snapshot(
      read.value.first { $0.id == name }?.monthlyCreditMicros ?? -1, commitSequence: read.commitSequence)
  }

  @Test("no reader of settings or plans goes behind what was acknowledged, or back")
  func interleaved() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory, readerCount: Self.readers)
    let names = Self.users + Self.plans
    let acknowledged = Acknowledged(writers: names.count)
    for planId in Self.plans { _ = try engine.decide(Self.plan(planId, 1)) }
    for userId in Self.users { _ = try engine.decide(Self.settings(userId, 1)) }
    let writers = try names.map { name in
      try Thread {
        let isUser = Self.users.contains(name)
        for value in 2...Self.writes {
          let command = isUser ? Self.settings(name, value) : Self.plan(name, value)
          if let commit = Self.commit(try? engine.decide(command)) {
            acknowledged.note(name, value, commit)
          } else {
            acknowledged.fail("write \(value) of \(name)")
          }
        }
        acknowledged.finishWriter()
      }
    }
    let readers = try (0..<Self.readers).map { number in
      try Thread {
        var seen: [String: Snapshot<Int64>] = [:]
        var turn = number
        repeat {
          let name = names[turn % names.count]
          turn += 1
          let before = acknowledged.last(name)
          guard let read = try? Self.read(name, engine) else {
            acknowledged.fail("read of \(name)")
            continue
          }
          let last = seen[name] ?? Snapshot(0, commitSequence: 0)
          if read.value < max(before.value, last.value)
            || read.commitSequence < max(before.commitSequence, last.commitSequence)
          {
            acknowledged.fail("\(name): \(read) after \(before) was acknowledged and \(last) seen")
          }
          seen[name] = read
        } while acknowledged.isWriting
      }
    }
    for thread in writers + readers { try thread.join() }
    #expect(acknowledged.failures.prefix(5) == [])
    // The cache took part.
    let statistics = engine.caches.settings.statistics
    #expect(statistics.hits > 0 && statistics.invalidations > 0)
    for userId in Self.users { #expect(try Self.read(userId, engine).value == Self.writes) }
    try engine.close()
  }

  @Test("a value that was read before a commit is not kept after it")
  func lateOffer() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory)
    _ = try engine.decide(Self.plan(Self.plans[0], 1))
    _ = try engine.decide(Self.settings("u", 2))
    let old = try engine.settings(userId: "u")
    let stored = Self.commit(try engine.decide(Self.settings("u", 3)))
    // As a reader would that was held up between its snapshot and its offer.
    engine.caches.settings.offer(old, group: "u", byteCount: 10)
    let read = try engine.settings(userId: "u")
    #expect(read.value.email == "3" && read.commitSequence >= (stored?.sequence ?? .max))
    // What another's write commits does not make it untrue, and the reply names that commit.
    let other = Self.commit(try engine.decide(Self.settings("v", 1)))
    let cached = try #require(engine.cachedSettings(userId: "u"))
    #expect(cached.value.email == "3" && cached.commitSequence == other?.sequence)
    try engine.close()
  }
}
