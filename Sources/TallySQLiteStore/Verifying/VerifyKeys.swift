// Keys: each is used once, and the index has those of the ledger that its marks say it has, and no others.
//
// Invariants:
// 1. The marks are read first. What they cover then stays covered, so the ledger and the index are added up
//    in slices, each in its order, and their sums are compared. Only when these differ is each row looked
//    for.
// 2. Rows with one account and key have one hash: they stand together in the index. Those that the marks do
//    not cover are looked for one by one.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallySQLite

final class VerifyKeys {
  static let indexSQL = """
    SELECT hash, sequence FROM key_index WHERE (hash, sequence) > (?1, ?2) ORDER BY hash, sequence LIMIT ?3
    """
  static let sharersSQL = "SELECT sequence FROM key_index WHERE hash = ?1"
  static let nameSQL = "SELECT account, key FROM ledger WHERE sequence = ?1 AND key IS NOT NULL"
  static let hasSQL = "SELECT 1 FROM key_index WHERE hash = ?1 AND sequence = ?2"

  /// The number of some pairs, and what tells them from as many others.
  private struct Sum: Equatable {
    var count: Int64 = 0
    private var mixed: UInt64 = 0

    mutating func add(_ pair: KeyPair) {
      count += 1
      mixed &+= KeyFilter.mix(KeyFilter.mix(UInt64(pair.hash)) ^ UInt64(bitPattern: pair.sequence))
    }
  }

  private struct Name: Equatable {
    var account: Int64
    var key: [UInt8]
  }

  private let table: KeyTable
  private let index: Statement
  private let sharers: Statement
  private let name: Statement
  private let has: Statement
  private var marks = KeyMarks()
  private var hash = KeyHash(secret: [])
  private var inLedger = Sum()
  private var inIndex = Sum()
  /// Those that the marks do not cover.
  private var uncovered: [KeyPair] = []
  private var isSorted = false
  /// The next of them to look for.
  private var waitingIndex = 0
  private var last = KeyPair(hash: 0, sequence: Int64.min)
  /// Rows of the index with the hash of the last one.
  private var sameHash: [Int64] = []

  init(_ connection: Connection) throws(SQLiteError) {
    table = try KeyTable(connection)
    index = try connection.prepare(Self.indexSQL)
    sharers = try connection.prepare(Self.sharersSQL)
    name = try connection.prepare(Self.nameSQL)
    has = try connection.prepare(Self.hasSQL)
  }

  func begin(_ head: LedgerHead, _ tally: inout VerifyTally) throws(SQLiteError) {
    hash = try table.hash()
    let stored = try table.storedMarks()
    for (segment, sequence) in stored.sorted(by: { $0.key < $1.key }) where sequence > head.ledgerSequence {
      tally.add("key mark \(segment): row \(sequence), the ledger's last is row \(head.ledgerSequence)")
    }
    marks = KeyMarks(stored, lastSequence: head.ledgerSequence)
  }

  // MARK: the ledger

  /// - Returns: the row up to which it has come.
  func ledger(after sequence: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64 {
    let through = sequence + VerifyReader.sliceRows
    let pairs = try table.pairs(after: sequence, through: through, hash)
    for pair in pairs {
      tally.examined += 1
      if marks.covers(pair) { inLedger.add(pair) } else { uncovered.append(pair) }
    }
    return through
  }

  // MARK: the index

  /// - Returns: whether there may be more.
  func index(_ tally: inout VerifyTally) throws(SQLiteError) -> Bool {
    let pairs = try indexPairs()
    for pair in pairs {
      tally.examined += 1
      if marks.covers(pair) { inIndex.add(pair) } else { try compare(pair, &tally) }
      if pair.hash != last.hash { sameHash = [] }
      for sequence in sameHash { try compare(sequence, pair.sequence, &tally) }
      sameHash.append(pair.sequence)
      last = pair
    }
    return pairs.count == VerifyReader.sliceRows
  }

  private func indexPairs() throws(SQLiteError) -> [KeyPair] {
    index.bind(Int64(last.hash))
    index.bind(last.sequence)
    index.bind(VerifyReader.sliceRows)
    return try index.all { (row) in
      KeyPair(hash: UInt32(truncatingIfNeeded: row.int()), sequence: row.int())
    }
  }

  private func compare(_ pair: KeyPair, _ tally: inout VerifyTally) throws(SQLiteError) {
    let stored = try table.pairs(after: pair.sequence - 1, through: pair.sequence, hash)
    tally.expect(
      stored == [pair], "key index, row \(pair.sequence): the ledger's row has another key, or none")
  }

  /// Two rows that share a hash.
  private func compare(_ first: Int64, _ second: Int64, _ tally: inout VerifyTally) throws(SQLiteError) {
    guard first != second, let name = try name(of: first), name == (try self.name(of: second)) else { return }
    tally.add("ledger rows \(min(first, second)) and \(max(first, second)) have the same key")
  }

  private func name(of sequence: Int64) throws(SQLiteError) -> Name? {
    name.bind(sequence)
    return try name.first { (row) in Name(account: row.int(), key: Array(row.text().utf8)) }
  }

  // MARK: both

  /// Rows that are not covered: no row before has their key.
  /// - Returns: whether there are more.
  func waiting(_ tally: inout VerifyTally) throws(SQLiteError) -> Bool {
    if !isSorted {
      uncovered.sort()
      isSorted = true
    }
    let end = min(waitingIndex + Int(VerifyReader.sliceRows), uncovered.count)
    for place in waitingIndex..<end {
      let pair = uncovered[place]
      tally.examined += 1
      for earlier in uncovered[..<place].reversed() {
        guard earlier.hash == pair.hash else { break }
        try compare(earlier.sequence, pair.sequence, &tally)
      }
      try compareSharers(of: pair, &tally)
    }
    waitingIndex = end
    return end < uncovered.count
  }

  private func compareSharers(of pair: KeyPair, _ tally: inout VerifyTally) throws(SQLiteError) {
    sharers.bind(Int64(pair.hash))
    for sequence in try sharers.all({ (row) in row.int() }) { try compare(sequence, pair.sequence, &tally) }
  }

  /// Whether the ledger and the index have the same, where the marks cover them.
  var isEqual: Bool { inLedger == inIndex }

  /// Rows of the ledger that the index lacks, when it has not the same.
  /// - Returns: the row up to which it has come.
  func lacking(after sequence: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64 {
    let through = sequence + VerifyReader.sliceRows
    for pair in try table.pairs(after: sequence, through: through, hash) where marks.covers(pair) {
      has.bind(Int64(pair.hash))
      has.bind(pair.sequence)
      let isThere = try has.firstInt() != nil
      tally.expect(isThere, "ledger row \(pair.sequence): its key is not in the index")
      if !isThere { try compareSharers(of: pair, &tally) }
    }
    return through
  }

  /// Goes through the index once more, with `stray`.
  func restart() { last = KeyPair(hash: 0, sequence: Int64.min) }

  /// Rows of the index that the ledger lacks, likewise.
  /// - Returns: whether there may be more.
  func stray(_ tally: inout VerifyTally) throws(SQLiteError) -> Bool {
    let pairs = try indexPairs()
    for pair in pairs { try compare(pair, &tally) }
    if let end = pairs.last { last = end }
    return pairs.count == VerifyReader.sliceRows
  }
}
