// Whether a key of an account is used, and by which row: exact and for ever.
//
// The ledger has the keys. The index of them is written in large strokes, so that a page of it is written
// once for many keys and not once for each: pairs wait in a buffer, and each commit writes those of some
// buckets, in their order (`KeyMarks`). What only waits when the process ends is read from the ledger again.
// A filter spares new keys the reading of the index.
//
// Invariants:
// 1. Each pair of a committed row is in the buffer or in the index.
// 2. What an open transaction has changed is kept aside until it has committed.
// 3. The filter has each hash of the index; while there is none, the index is read.
//
// Owner: the writer's queue.

internal import TallyCore
internal import TallySQLite

final class KeyIndex {
  /// Buckets that a slice grows by.
  private static let stepBuckets = 64

  /// Of the open transaction.
  private struct Change {
    var added: [KeyPair] = []
    var written: [KeyPair] = []
    var buckets: [Range<Int>] = []
    var marks: KeyMarks
    var hasPassedSegment = false
    var progress: Int
  }

  let table: KeyTable
  private let limits: KeyIndexLimits
  private let readers: ReaderPool?
  private var hash = KeyHash(secret: [])
  private(set) var buffer = KeyBuffer()
  private var marks = KeyMarks()
  /// How far the hand has come to the next bucket, at `limits.roundRows`: each row brings it
  /// `KeyBuffer.bucketCount` nearer.
  private var progress = 0
  private var change: Change?

  /// nil: the index has to be read.
  var filter: KeyFilter?
  private var builder: KeyFilterBuilder?
  private var filterCapacity = 0
  /// What was written to the index since the builder began.
  private var recent: [UInt32] = []

  /// - Parameter readers: by which a filter is made; nil where nothing is committed.
  init(_ table: KeyTable, _ limits: KeyIndexLimits, readers: ReaderPool?) {
    self.table = table
    self.limits = limits
    self.readers = readers
  }

  // MARK: finding

  func find(account: Int64, key: String) throws(SQLiteError) -> KeyMatch? {
    let hash = hash.of(account: account, key: key)
    for sequence in buffer.sequences(of: hash) {
      if let match = try table.row(sequence, account: account, key: key) { return match }
    }
    if let filter, !filter.mayContain(hash) { return nil }
    return try table.find(hash, account: account, key: key)
  }

  // MARK: a transaction

  func begin() {
    change = Change(marks: marks, progress: progress)
    adoptFilter()
  }

  /// Takes the rows of a commit, and writes what is due of those before.
  /// - Parameter lastSequence: of the rows that are committed.
  func write(_ rows: [WriteSet.LedgerRow], after lastSequence: Int64) throws(SQLiteError) {
    guard !rows.isEmpty, var change = change.take() else { return }
    defer { self.change = change }
    for row in rows {
      guard let key = row.entry.idempotency?.key else { continue }
      let hash = hash.of(account: row.account, key: key)
      change.added.append(KeyPair(hash: hash, sequence: row.entry.sequence))
    }
    change.progress += rows.count * KeyBuffer.bucketCount
    let bucketCount = change.progress / limits.roundRows
    change.progress %= limits.roundRows
    if bucketCount > 0 { try advance(&change, by: bucketCount, lastSequence) }
  }

  private func advance(
    _ change: inout Change, by bucketCount: Int, _ lastSequence: Int64
  ) throws(SQLiteError) {
    let (buckets, segments) = change.marks.advance(by: bucketCount, lastSequence: lastSequence)
    for range in buckets {
      let pairs = buffer.pairs(in: range)
      try table.add(pairs)
      change.written += pairs
    }
    change.buckets += buckets
    if !segments.isEmpty { change.hasPassedSegment = true }
    for segment in segments { try table.save(change.marks.sequences[segment], ofSegment: segment) }
  }

  func rollBack() { change = nil }

  func commit() {
    guard let change = change.take() else { return }
    for range in change.buckets { buffer.remove(range) }
    for pair in change.added { buffer.add(pair) }
    for pair in change.written { note(written: pair.hash) }
    (marks, progress) = (change.marks, change.progress)
    if change.hasPassedSegment { growFilter() }
  }

  // MARK: writing what waits

  /// Whether a start would have to read so many rows again that an idle writer writes what waits.
  func isIdleSliceDue(_ lastSequence: Int64) -> Bool {
    lastSequence - marks.lowest >= Int64(limits.idleRows)
  }

  /// Whether a start would have to read a row again that has a key, or many without.
  func isBehind(_ lastSequence: Int64) -> Bool { buffer.count > 0 || isIdleSliceDue(lastSequence) }

  /// Writes what waits, or a slice of it, in the open transaction.
  /// - Parameter lastSequence: of the rows that are committed.
  func writeSlice(_ lastSequence: Int64) throws(SQLiteError) {
    guard var change = change.take() else { return }
    defer { self.change = change }
    while change.written.count < limits.slicePairs && change.marks.lowest < lastSequence {
      try advance(&change, by: Self.stepBuckets, lastSequence)
    }
  }

  // MARK: loading

  /// Forgets what it knows of another database.
  private func clear() {
    builder?.cancel()
    (buffer, marks, progress, change) = (KeyBuffer(), KeyMarks(), 0, nil)
    (filter, builder, recent) = (nil, nil, [])
  }

  /// Takes up the index as it is stored, and reads the rows behind its marks.
  /// - Parameters:
  ///   - lastSequence: of the ledger.
  ///   - transaction: carries a step out in a transaction.
  ///   - onProgress: told the rows whose keys are in the index, when these are many.
  func load(
    lastSequence: Int64, transaction: (() throws(SQLiteError) -> Void) throws(SQLiteError) -> Void,
    onProgress: (Int64) throws(SQLiteError) -> Void
  ) throws(SQLiteError) {
    clear()
    hash = try table.hash()
    let stored = try table.storedMarks()
    marks = KeyMarks(stored, lastSequence: lastSequence)
    let excessive = stored.filter { $0.value > lastSequence }.keys
    if !excessive.isEmpty {
      try transaction { () throws(SQLiteError) in
        for segment in excessive { try table.save(0, ofSegment: segment) }
      }
    }
    var sequence = marks.lowest
    while sequence < lastSequence {
      let step = min(Rewriter.sliceRows, Int64(limits.roundRows))
      let through = min(sequence + step, lastSequence)
      for pair in try table.pairs(after: sequence, through: through, hash) where !marks.covers(pair) {
        buffer.add(pair)
      }
      sequence = through
      guard sequence - marks.lowest >= 2 * Int64(limits.roundRows), sequence < lastSequence else { continue }
      try onProgress(marks.lowest)
      try writeAll(through: sequence, transaction)
    }
    marks.enter(lastSequence)
    try loadFilter(lastSequence)
  }

  /// In slices; the marks come with the last.
  private func writeAll(
    through sequence: Int64, _ transaction: (() throws(SQLiteError) -> Void) throws(SQLiteError) -> Void
  ) throws(SQLiteError) {
    let slice = KeyBuffer.bucketCount / 64
    for start in stride(from: 0, to: KeyBuffer.bucketCount, by: slice) {
      let pairs = buffer.pairs(in: start..<start + slice)
      let isLast = start + slice == KeyBuffer.bucketCount
      try transaction { () throws(SQLiteError) in
        try table.add(pairs)
        guard isLast else { return }
        for segment in 0..<KeyMarks.segmentCount { try table.save(sequence, ofSegment: segment) }
      }
      buffer.remove(start..<start + slice)
    }
    marks.pass(sequence)
  }

  // MARK: the filter

  /// One for a small index is made at once, others beside.
  private func loadFilter(_ lastSequence: Int64) throws(SQLiteError) {
    let hashes = try table.hashes(after: -1, limit: KeyFilterBuilder.sliceRows)
    guard hashes.count == KeyFilterBuilder.sliceRows else {
      var filter = KeyFilter(capacity: hashes.count * 2)
      for hash in hashes { filter.add(hash) }
      self.filter = filter
      return
    }
    buildFilter(capacity: Int(clamping: lastSequence / 2 * 3))
  }

  private func note(written hash: UInt32) {
    filter?.add(hash)
    if builder != nil { recent.append(hash) }
  }

  /// One that has become too small denies less and less. One that could not be made is tried again.
  private func growFilter() {
    if builder != nil { return }
    guard let filter else { return buildFilter(capacity: filterCapacity) }
    guard filter.count > filter.capacity, !filter.isLargest else { return }
    buildFilter(capacity: filter.count * 2)
  }

  private func buildFilter(capacity: Int) {
    guard let readers else { return }
    recent = []
    filterCapacity = capacity
    builder = KeyFilterBuilder(readers: readers, capacity: capacity)
  }

  /// Takes what the builder has made, once it is ready.
  private func adoptFilter() {
    guard let result = builder?.result else { return }
    builder = nil
    if case .success(var built) = result {
      for hash in recent { built.add(hash) }
      filter = built
    }
    recent = []
  }

  /// Whether the filter denies none of some hashes that the index has; nil without a filter.
  func admits(_ hashes: [UInt32]) -> Bool? { filter.map { filter in hashes.allSatisfy(filter.mayContain) } }
}
