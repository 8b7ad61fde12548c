// Values made from the database, kept until a commit changes what they were made from.
//
// Invariants:
// 1. A value that is found was made from the last commit's state: the writer forgets what a commit touches
//    before it publishes that commit, and so before anyone hears of it.
// 2. A value is taken only when nothing of its group has been touched since the snapshot it was made from.
// 3. At most `limitByteCount` bytes, by the costs that callers name; the generation that was not asked for
//    lately goes first. A value that costs more than a sixteenth of that is not kept.
//
// Owner: a lock; the writer's queue forgets, any thread finds and offers.

public import TallyLocking

/// What a cache has done since the start.
public struct CacheStatistics: Sendable, Equatable {
  public var name: String
  public var entryCount = 0
  public var byteCount = 0
  public var limitByteCount = 0
  public var hits: Int64 = 0
  public var misses: Int64 = 0
  /// Dropped since a commit touched them.
  public var invalidations: Int64 = 0
  /// Dropped for lack of room.
  public var evictions: Int64 = 0
}

/// Values in groups: a group is what commits touch (a user, a page), a key tells its values apart. Looking
/// one up is inlinable, so that it is compiled for the kind of value where that is known.
public final class ExactCache<Value: Sendable>: Sendable {
  /// Touched groups that are remembered one by one; beyond that, older snapshots are refused altogether.
  static var maximumTouched: Int { 4_096 }

  @usableFromInline
  struct Entry {
    @usableFromInline var value: Value
    @usableFromInline var commitSequence: Int64
    @usableFromInline var byteCount: Int
  }

  @usableFromInline typealias Group = [ExactText: Entry]

  @usableFromInline
  struct State {
    @usableFromInline var young: [ExactText: Group] = [:]
    @usableFromInline var old: [ExactText: Group] = [:]
    @usableFromInline var youngByteCount = 0
    @usableFromInline var oldByteCount = 0
    /// The commit that last touched a group, since `floor`.
    var touched: [ExactText: Int64] = [:]
    /// Snapshots before this commit are too old to be judged.
    var floor: Int64 = 0
    @usableFromInline var statistics: CacheStatistics
  }

  @usableFromInline let state: Lock<State>
  @usableFromInline let limitByteCount: Int

  public init(name: String, limitByteCount: Int) {
    self.limitByteCount = limitByteCount
    state = Lock(State(statistics: CacheStatistics(name: name, limitByteCount: limitByteCount)))
  }

  /// - Returns: the value and the commit of the snapshot that it was made from; it holds for every commit
  ///   since. nil when it has to be made.
  @inlinable
  public func find(group: String, key: String = "") -> Snapshot<Value>? {
    let (group, key) = (ExactText(group), ExactText(key))
    return state.withLock { state in
      let entry: Entry
      if let young = state.young[group]?[key] {
        entry = young
      } else if let old = state.old[group]?[key] {
        entry = old
        keep(old, group, key, &state)
      } else {
        state.statistics.misses += 1
        return nil
      }
      state.statistics.hits += 1
      return Snapshot(entry.value, commitSequence: entry.commitSequence)
    }
  }

  /// What is kept, not counted as a hit or a miss and not moved.
  package func peek(group: String, key: String = "") -> Snapshot<Value>? {
    let (group, key) = (ExactText(group), ExactText(key))
    return state.withLock { state in
      (state.young[group]?[key] ?? state.old[group]?[key]).map {
        Snapshot($0.value, commitSequence: $0.commitSequence)
      }
    }
  }

  /// Of all values that are kept.
  package var groups: [String] {
    state.withLock { state in Set(state.young.keys).union(state.old.keys).map(\.text) }
  }

  /// Keeps a value for the next who asks, if it still holds.
  /// - Parameters:
  ///   - snapshot: of a commit that is published.
  ///   - byteCount: what the value costs.
  public func offer(_ snapshot: Snapshot<Value>, group: String, key: String = "", byteCount: Int) {
    let (group, key) = (ExactText(group), ExactText(key))
    guard byteCount <= limitByteCount / 16 else { return }
    state.withLock { state in
      guard snapshot.commitSequence >= state.floor,
        snapshot.commitSequence >= state.touched[group] ?? 0
      else { return }
      let entry = Entry(
        value: snapshot.value, commitSequence: snapshot.commitSequence, byteCount: byteCount)
      keep(entry, group, key, &state)
    }
  }

  @inlinable
  func keep(_ entry: Entry, _ group: ExactText, _ key: ExactText, _ state: inout State) {
    if let replaced = state.young[group]?[key] { state.youngByteCount -= replaced.byteCount }
    if let moved = state.old[group]?.removeValue(forKey: key) { state.oldByteCount -= moved.byteCount }
    if state.youngByteCount + entry.byteCount > limitByteCount / 2 {
      state.statistics.evictions += Int64(state.old.values.reduce(0) { $0 + $1.count })
      state.old = state.young
      state.oldByteCount = state.youngByteCount
      state.young = [:]
      state.youngByteCount = 0
      if let moved = state.old[group]?.removeValue(forKey: key) { state.oldByteCount -= moved.byteCount }
    }
    state.young[group, default: [:]][key] = entry
    state.youngByteCount += entry.byteCount
  }

  /// By the writer, of the groups that a commit touched, before that commit is published.
  public func forget(_ groups: Set<ExactText>, commitSequence: Int64) {
    guard !groups.isEmpty else { return }
    state.withLock { state in
      if state.touched.count + groups.count > Self.maximumTouched {
        state.touched = [:]
        state.floor = commitSequence
      }
      for group in groups {
        state.touched[group] = commitSequence
        drop(group, &state)
      }
    }
  }

  private func drop(_ group: ExactText, _ state: inout State) {
    if let entries = state.young.removeValue(forKey: group) {
      state.youngByteCount -= entries.values.reduce(0) { $0 + $1.byteCount }
      state.statistics.invalidations += Int64(entries.count)
    }
    if let entries = state.old.removeValue(forKey: group) {
      state.oldByteCount -= entries.values.reduce(0) { $0 + $1.byteCount }
      state.statistics.invalidations += Int64(entries.count)
    }
  }

  /// Forgets everything, after the database was emptied.
  public func clear(commitSequence: Int64) {
    state.withLock { state in
      for group in Array(state.young.keys) + Array(state.old.keys) { drop(group, &state) }
      state.touched = [:]
      state.floor = commitSequence
    }
  }

  public var statistics: CacheStatistics {
    state.withLock { state in
      var statistics = state.statistics
      statistics.entryCount =
        state.young.values.reduce(0) { $0 + $1.count } + state.old.values.reduce(0) { $0 + $1.count }
      statistics.byteCount = state.youngByteCount + state.oldByteCount
      return statistics
    }
  }
}
