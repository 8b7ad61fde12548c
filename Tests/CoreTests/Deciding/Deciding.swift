// Decisions without a writer: commands decided on a read set over a store in memory.

internal import TallyMemoryEngine

@testable internal import TallyCore

struct Deciding {
  enum Mode: CaseIterable {
    case keysFirst, keysTakenAsNew, acrossWire
  }

  struct Gap: Error {
    var failure: StorageFailure
  }

  private let store: MemoryStore
  private let mode: Mode
  private let zones = ZoneStore()
  var nowMicros: Int64
  private(set) var loads = 0

  init(_ mode: Mode, nowMicros: Int64) {
    self.mode = mode
    self.nowMicros = nowMicros
    store = MemoryStore(MemoryDisk(), isAcrossWire: mode == .acrossWire)
  }

  /// What stands in the store.
  func books() throws -> Books { try store.books() }

  /// - Throws: the refusal.
  mutating func decide(_ command: Command) throws -> Decided<Outcome> { try decide(command).decided }

  /// Carries a command out, in a commit of its own.
  @discardableResult
  mutating func carryOut(_ command: Command) throws -> Outcome {
    let (decided, records) = try decide(command)
    guard let effects = decided.effects else { return decided.reply }
    records.writes.add(effects)
    try commit(records.writes)
    return decided.reply
  }

  /// Writes what no command would.
  mutating func write(_ body: (inout WriteSet) -> Void) throws {
    var writes = readSet().writes
    body(&writes)
    writes.touch()
    try commit(writes)
  }

  private mutating func decide(_ command: Command) throws -> (decided: Decided<Outcome>, records: ReadSet) {
    while true {
      let records = readSet()
      do {
        return (try command.decide(by: Decider(records: records)), records)
      } catch {
        guard let gap = records.gap else {
          try store.rollback()
          throw error
        }
        guard gap.kind == .notLoaded else { throw Gap(failure: gap) }
        loads += 1
        try store.loadMissing()
      }
    }
  }

  private func readSet() -> ReadSet {
    // A store that was just opened is empty or sound.
    let books = (try? store.books()) ?? Books()
    return ReadSet(
      source: store,
      cache: CommittedRecords(
        state: CommittedState(head: books.head), plans: ExactCache(name: "plans", limitByteCount: 0)),
      zones: zones, looksForKeys: mode != .keysTakenAsNew,
      writes: WriteSet(nowMicros: nowMicros, books: books, trailing: 0))
  }

  private func commit(_ decided: WriteSet) throws {
    var writes = decided
    writes.close()
    try store.begin()
    try store.write(writes)
    try store.commit()
  }
}
