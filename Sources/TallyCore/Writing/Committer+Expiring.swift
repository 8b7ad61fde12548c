// Credit that comes within a window of alert rules by time alone, told of in slices.
//
// Invariants:
// 1. A cursor moves in the commit of the events that it makes: whenever the process is killed, each is there
//    once.
// 2. What has expired is passed over unread. So are lots that cannot be read, for verification to name.
// 3. While there are no such rules, none of this looks anything up.
//
// Owner: the writer's queue.

extension Committer {
  /// Lots that one transaction comes by.
  static let expiringLots = 256
  /// Events of it, beside those of its last lot.
  static let expiryEvents = 4_096

  private struct LotSlice {
    var cursor: ExpiryCursor
    var lots: [ExpiringLot]
    /// Where the cursor stands once it has come by all of them.
    var end: LotPlace
  }

  /// Tells of a slice of what is within the windows by now.
  /// - Returns: whether there may be more.
  func tellExpiring() throws(StorageFailure) -> Bool {
    guard !isDead, !books.expiries.isEmpty else { return false }
    let slices = try expiringSlices(nowMicros: max(time.nowMicros, books.head.lastAtMicros))
    if slices.isEmpty {
      toldLots = 0
      return false
    }
    var isCut = false
    try store.begin()
    let writes = try loading(looksForKeys: false) { (records) throws(StorageFailure) in
      isCut = try pass(slices, records)
      if let gap = records.gap { throw gap }
      try write(records)
      return records.writes
    }
    guard try commitUpkeep(writes) else { return false }
    let count = slices.reduce(0) { $0 + $1.lots.count }
    toldLots += count
    return isCut || count == Self.expiringLots
  }

  /// What the cursors come by next. Those with nothing before them move on without a commit.
  private func expiringSlices(nowMicros: Int64) throws(StorageFailure) -> [LotSlice] {
    var slices: [LotSlice] = []
    var room = Self.expiringLots
    for cursor in books.expiries.all where room > 0 {
      let end = cursor.end(atMicros: nowMicros)
      let start = max(cursor.reached(atMicros: nowMicros), .end(ofMicros: nowMicros))
      guard start < end else { continue }
      let lots = try store.expiringLots(after: start, throughMicros: end.expiresAtMicros, limit: room)
      guard let last = lots.last else {
        books.expiries.pass(cursor.windowMillis, to: end, stores: false)
        continue
      }
      slices.append(LotSlice(cursor: cursor, lots: lots, end: lots.count < room ? end : last.place))
      room -= lots.count
    }
    return slices
  }

  /// - Returns: whether lots are left, since there were too many events.
  private func pass(_ slices: [LotSlice], _ records: ReadSet) throws(StorageFailure) -> Bool {
    var count = 0
    for slice in slices {
      for (index, lot) in slice.lots.enumerated() {
        if count >= Self.expiryEvents {
          if index > 0 {
            records.writes.pass(expiring: slice.cursor.windowMillis, to: slice.lots[index - 1].place)
          }
          return true
        }
        count += try tell(lot, slice.cursor, records)
      }
      records.writes.pass(expiring: slice.cursor.windowMillis, to: slice.end)
    }
    return false
  }

  /// What is not loaded is left to the caller.
  /// - Returns: how many events there are of it.
  private func tell(
    _ lot: ExpiringLot, _ cursor: ExpiryCursor, _ records: ReadSet
  ) throws(StorageFailure) -> Int {
    do throws(Refusal) {
      let events = try Decider(records: records).events(passing: lot, cursor)
      if events.isEmpty { return 0 }
      var effects = Effects()
      effects.set { $0.events = events }
      records.writes.add(effects)
      return events.count
    } catch {
      try records.endIfUnreadable()
      return 0
    }
  }
}

extension WriteSet {
  /// Takes note that a cursor has come by lots.
  fileprivate mutating func pass(expiring windowMillis: Int64, to place: LotPlace) {
    books.expiries.pass(windowMillis, to: place, stores: true)
    touch()
  }
}
