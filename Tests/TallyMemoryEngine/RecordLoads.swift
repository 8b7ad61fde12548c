// What a store across a wire has loaded for the open transaction: a record that was not asked for before is
// not there until it is loaded, with all others that are missing, in one go.
//
// Invariants:
// 1. Nothing that was loaded for one transaction is known in the next.
// 2. The next command of a batch may ask for one row more of a list than the one before it: lists are loaded
//    at lengths that double, so that a batch does not need a load for each of its commands.
//
// Owner: the writer's queue; any thread reads the counts.

internal import TallyCore
internal import TallyLocking

/// How often records had to be loaded.
package struct LoadCounts: Sendable, Equatable {
  /// Transactions that had to load something.
  package var transactions = 0
  /// Of all transactions together, and of the one that needed most.
  package var loads = 0
  package var mostLoads = 0
}

final class RecordLoads {
  /// Rows of a list that are loaded at the least.
  private static let listLength = 64

  private struct Lookup: Hashable {
    var method: String
    var numbers: [Int64]
    var texts: [ExactText]
  }

  /// With the length of each list; one for a single record.
  private var loaded: [Lookup: Int] = [:]
  private var missing: [Lookup: Int] = [:]
  private var loadsOfTransaction = 0
  private let counts: Lock<LoadCounts>

  init(counts: Lock<LoadCounts>) { self.counts = counts }

  /// - Throws: `notLoaded` when it was not asked for before.
  func ask(_ method: String, _ numbers: [Int64], _ texts: [String], length: Int) throws(StorageFailure) {
    let lookup = Lookup(method: method, numbers: numbers, texts: texts.map { ExactText($0) })
    if let known = loaded[lookup], known >= length { return }
    missing[lookup] = max(missing[lookup] ?? 0, length)
    throw StorageFailure(.notLoaded, "not loaded", operation: method)
  }

  func loadMissing() throws(StorageFailure) {
    // The batch would be decided for ever.
    guard !missing.isEmpty else { throw StorageFailure(.defect, "nothing is missing", operation: "load") }
    for (lookup, length) in missing { loaded[lookup] = length == 1 ? 1 : Self.rounded(length) }
    missing = [:]
    loadsOfTransaction += 1
    counts.withLock {
      $0.transactions += loadsOfTransaction == 1 ? 1 : 0
      $0.loads += 1
      $0.mostLoads = max($0.mostLoads, loadsOfTransaction)
    }
  }

  private static func rounded(_ length: Int) -> Int {
    var rounded = listLength
    while rounded < length, rounded < Int.max / 2 { rounded *= 2 }
    return max(rounded, length)
  }

  /// The transaction has ended.
  func forget() {
    loaded = [:]
    missing = [:]
    loadsOfTransaction = 0
  }
}
