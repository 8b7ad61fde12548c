// Makes a filter of the index beside the writer's work.
//
// Invariants:
// 1. It reads the index in its order, a slice at a time, each in a snapshot of its own, so that it pins no
//    log. What is written behind it meanwhile is the key index's to add.
// 2. It ends when the readers are closed, or when nobody wants what it makes any more.
//
// Owner: a thread of its own; what it has made is behind a lock.

internal import TallyLocking
internal import TallySQLite

final class KeyFilterBuilder: Sendable {
  /// Rows of a slice; some 2 ms.
  static let sliceRows = 10_000

  /// Why there is no filter; the index is read until one is made.
  struct Failure: Error {}

  private let made = Lock<Result<KeyFilter, Failure>?>(nil)
  private let isCancelled = Lock(false)

  init(readers: ReaderPool, capacity: Int) {
    let status = startThread { [made, isCancelled] in
      let result = Self.build(readers, capacity, isCancelled)
      made.withLock { $0 = result }
    }
    if status != 0 { made.withLock { $0 = .failure(Failure()) } }
  }

  /// nil while it is being made.
  var result: Result<KeyFilter, Failure>? { made.withLock { $0 } }

  func cancel() { isCancelled.withLock { $0 = true } }

  private static func build(
    _ readers: ReaderPool, _ capacity: Int, _ isCancelled: Lock<Bool>
  ) -> Result<KeyFilter, Failure> {
    var filter = KeyFilter(capacity: capacity)
    var after: Int64 = -1
    while true {
      if isCancelled.withLock({ $0 }) { return .failure(Failure()) }
      do {
        let slice = try readers.read { (reader, _) throws(SQLiteError) in
          try reader.tables.keys.hashes(after: after, limit: sliceRows)
        }
        guard let hashes = slice?.value else { return .failure(Failure()) }
        guard let last = hashes.last else { return .success(filter) }
        for hash in hashes { filter.add(hash) }
        after = Int64(last)
      } catch {
        return .failure(Failure())
      }
    }
  }
}
