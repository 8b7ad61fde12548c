// Named copies of the database, each with the clock's setting at that moment.
//
// Invariants:
// 1. There are at most `Limits.snapshotCount`, with `Limits.snapshotByteCount` bytes in all. A new one
//    replaces the one of its name.
// 2. Database and clock are saved, and restored, in one step of the writer: no command is decided in between.
//
// Owner: a lock, which is held while the writer saves or restores.

internal import TallyCore
internal import TallyLocking

final class Snapshots: Sendable {
  private struct Kept {
    var database: any StoreCopy
    var clock: TestClock.Setting
  }

  private let clock: TestClock
  private let limitByteCount: Int
  private let kept = Lock<[String: Kept]>([:])

  init(clock: TestClock, limitByteCount: Int = Limits.snapshotByteCount) {
    self.clock = clock
    self.limitByteCount = limitByteCount
  }

  func save(_ name: String, _ engine: any ServedEngine) throws(Refusal) -> any StoreCopy {
    try kept.withLock { kept throws(Refusal) in
      if kept[name] == nil, kept.count >= Limits.snapshotCount {
        throw invalidField(
          "name", "would exceed the \(Limits.snapshotCount) snapshots that are kept",
          limit: Int64(Limits.snapshotCount))
      }
      let others = kept.reduce(0) { $0 + ($1.key == name ? 0 : $1.value.database.byteCount) }
      var setting = clock.setting
      let saved: (any StoreCopy)?
      do throws(StoreError) {
        saved = try engine.saveCopy(limitByteCount: limitByteCount - others) { setting = clock.setting }
      } catch { throw Refusal(.readOnly, "the database could not be copied: \(error)") }
      guard let saved else {
        throw invalidField(
          "name", "would exceed the \(limitByteCount) bytes that all snapshots may have together",
          limit: Int64(limitByteCount))
      }
      kept[name] = Kept(database: saved, clock: setting)
      return saved
    }
  }

  /// - Returns: the commit that restored it.
  func restore(_ name: String, _ engine: any ServedEngine) throws(Refusal) -> Int64 {
    try kept.withLock { kept throws(Refusal) in
      guard let saved = kept[name] else { throw invalidField("name", "is not the name of a snapshot") }
      do throws(StoreError) {
        return try engine.restore(saved.database) { clock.setting = saved.clock }
      } catch { throw Refusal(.readOnly, "the database could not be put back: \(error)") }
    }
  }
}
