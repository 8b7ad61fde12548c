// The thread that serves all watchers: it takes what was committed, and sends each what it wants of it.
//
// Invariants:
// 1. It never waits for a peer: rows for one that does not read are kept, up to a limit, and then the watcher
//    is told that it lags, and where to go on.
// 2. It rests after each round for three times as long as the round took, so that however many watch, others
//    have the rest of the machine. Meanwhile rows add up, and the next round sends more of them at once.
// 3. A row is encoded once, when somebody wants it, and all messages of a round to one connection are sent
//    together.
//
// Owner: its thread.

internal import TTRPC
internal import TallyCore
internal import TallyLocking

final class WatchPump {
  /// A watcher that is so far behind is ended: rows, or bytes of them.
  static let maximumLagRows = Limits.watchLagRowCount
  static let maximumLagByteCount = Limits.watchLagByteCount
  /// Rows that are taken before they are sent.
  static let roundRows = 2_048
  static let roundByteCount = 1 << 20
  /// How soon a watcher of some users hears how far the ledger has come, if none of its rows came meanwhile.
  static let positionNanoseconds: UInt64 = 5_000_000_000
  static let shortestRestNanoseconds: UInt64 = 1_000_000
  static let longestRestNanoseconds: UInt64 = 100_000_000
  static let restsPerRound: UInt64 = 3

  private let watch: LedgerWatch
  /// Nobody ends a rest.
  private let pause = Monitor(())
  /// All rows before it were looked at.
  private var nextSequence: Int64 = 1
  private var rows = WatchedRows()
  private var ofAll: [ObjectIdentifier: Watcher] = [:]
  private var ofSome: [ObjectIdentifier: Watcher] = [:]
  private var byUser: [ExactText: [Watcher]] = [:]
  /// Those of some users for whom there are rows that they were not offered.
  private var addressed: [Watcher] = []
  /// Those that are not sent rows for now: they read, or wait for their peers.
  private var behind: [ObjectIdentifier: Watcher] = [:]
  private var waiting: [UInt64: [Watcher]] = [:]
  /// Connections that have messages which are not flushed.
  private var unsent: [UInt64: WatchTarget] = [:]
  /// Messages for watchers of all users, by the place of their first row: most are at the same.
  private var shared: [Int: (bytes: [UInt8], count: Int)] = [:]
  private var newRowCount = 0
  private var newByteCount = 0
  private var positionsDueNanoseconds: UInt64 = 0
  private var positionsSequence: Int64 = 0

  init(_ watch: LedgerWatch) { self.watch = watch }

  func run() {
    while true {
      let isIdle = ofSome.isEmpty || positionsSequence == nextSequence
      let notes = watch.take(deadlineNanoseconds: isIdle ? nil : positionsDueNanoseconds)
      let began = MonotonicClock.nanoseconds
      for note in notes.notes { carryOut(note) }
      if notes.hasLostRows {
        for watcher in Array(ofAll.values) + Array(ofSome.values) { fallBehind(watcher) }
      }
      send()
      if notes.isOver { return endAll(watch.admitted(ofReplaced: false), LedgerWatch.shuttingDown) }
      if positionsDueNanoseconds <= began { tellPositions(began) }
      rest(since: began)
    }
  }

  private func rest(since began: UInt64) {
    let took = MonotonicClock.nanoseconds &- began
    let rest = min(
      max(Self.restsPerRound * took, Self.shortestRestNanoseconds), Self.longestRestNanoseconds)
    _ = pause.wait(deadlineNanoseconds: began &+ took &+ rest, until: { _ in false }, then: { _ in })
  }

  private func carryOut(_ note: WatchNote) {
    switch note {
    case .rows(let rows): take(rows)
    case .join(let watcher, let from, let position, let continuation):
      continuation.resume(returning: join(watcher, from: from, position: position))
    case .serve(let watcher, let continuation): serve(watcher, continuation)
    case .leave(let watcher): remove(watcher, .over)
    case .roomy(let connectionId): goOn(connectionId)
    case .replaced: endAll(watch.admitted(ofReplaced: true), LedgerWatch.replaced)
    }
  }

  // MARK: rows

  private func take(_ committed: any WatchedCommit) {
    let addressees = (0..<committed.count).map { index in
      byUser.isEmpty ? nil : byUser[ExactText(committed.userId(at: index))]
    }
    let wanted = addressees.indices.filter { !ofAll.isEmpty || addressees[$0] != nil }
    let encode: (Int) -> EncodedRow
    do throws(Refusal) { encode = try committed.encoder(for: wanted, of: watch) } catch {
      // Whoever goes on from there reads by himself, and is told what is wrong.
      for watcher in Array(ofAll.values) + Array(ofSome.values) { fallBehind(watcher) }
      nextSequence = committed.lastSequence + 1
      return
    }
    for index in wanted {
      let sequence = committed.sequence(at: index)
      nextSequence = sequence + 1
      let row = encode(index)
      let place = rows.append(row)
      for watcher in addressees[index] ?? [] where watcher.fromSequence <= sequence {
        if watcher.firstPlace == watcher.places.count { addressed.append(watcher) }
        watcher.places.append(place)
      }
      newRowCount += 1
      newByteCount += row.bytes.count
      if newRowCount >= Self.roundRows || newByteCount >= Self.roundByteCount { send() }
    }
    nextSequence = committed.lastSequence + 1
  }

  /// Sends what there is to whom takes it, and drops what nobody waits for any more.
  private func send() {
    shared = [:]
    newRowCount = 0
    newByteCount = 0
    let addressed = addressed
    self.addressed = []
    for watcher in addressed where watcher.phase == .served { send(to: watcher) }
    for watcher in ofAll.values where watcher.phase == .served { send(to: watcher) }
    flush()
    shared = [:]
    if behind.isEmpty { return rows.removeAll() }
    rows.trim(rowCount: Self.maximumLagRows, byteCount: Self.maximumLagByteCount)
    for watcher in behind.values where isTooFarBehind(watcher) { fallBehind(watcher) }
  }

  private func isTooFarBehind(_ watcher: Watcher) -> Bool {
    if watcher.userIds.isEmpty { return watcher.place < rows.firstPlace }
    return watcher.firstPlace < watcher.places.count && watcher.places[watcher.firstPlace] < rows.firstPlace
  }

  /// Until it has all, or too much waits for its peer.
  private func send(to watcher: Watcher) {
    do throws(Status) {
      while let message = nextMessage(for: watcher) {
        guard try watcher.target.offer(message.bytes) else {
          if waits(watcher) { return }
          continue
        }
        note(message.count, sentTo: watcher)
      }
    } catch { end(watcher, error) }
  }

  /// Its task is told, and has it removed.
  private func end(_ watcher: Watcher, _ status: Status) {
    watcher.phase = .over
    watcher.target.end(status)
  }

  private func nextMessage(for watcher: Watcher) -> (bytes: [UInt8], count: Int)? {
    if watcher.userIds.isEmpty {
      while watcher.place < rows.endPlace, rows[watcher.place].sequence < watcher.fromSequence {
        watcher.place += 1
      }
      guard watcher.place < rows.endPlace else { return nil }
      if let message = shared[watcher.place] { return message }
      let left = rows.suffix(from: watcher.place)
      let count = WatchMessage.count(left, atMost: watch.messageByteCount)
      let next = count < left.count ? rows[watcher.place + count].sequence : nextSequence
      let message = (WatchMessage.make(left.prefix(count), nextSequence: next), count)
      shared[watcher.place] = message
      return message
    }
    let left = watcher.places[watcher.firstPlace...]
    if left.isEmpty { return nil }
    let wanted = left.lazy.map { self.rows[$0] }
    let count = WatchMessage.count(wanted, atMost: watch.messageByteCount)
    let next = count < left.count ? rows[left[left.startIndex + count]].sequence : nextSequence
    return (WatchMessage.make(wanted.prefix(count), nextSequence: next), count)
  }

  private func note(_ count: Int, sentTo watcher: Watcher) {
    if watcher.userIds.isEmpty {
      watcher.place += count
      watcher.toldSequence = watcher.place < rows.endPlace ? rows[watcher.place].sequence : nextSequence
    } else {
      watcher.firstPlace += count
      if watcher.firstPlace == watcher.places.count {
        watcher.places.removeAll(keepingCapacity: watcher.places.count <= 64)
        watcher.firstPlace = 0
        watcher.toldSequence = nextSequence
      } else {
        watcher.toldSequence = rows[watcher.places[watcher.firstPlace]].sequence
      }
    }
    unsent[watcher.target.connectionId] = watcher.target
  }

  private func flush() {
    for target in unsent.values { target.flush() }
    unsent = [:]
  }

  // MARK: room

  /// - Returns: false when its connection takes messages after all.
  private func waits(_ watcher: Watcher) -> Bool {
    let connectionId = watcher.target.connectionId
    if unsent.removeValue(forKey: connectionId) != nil { watcher.target.flush() }
    if waiting[connectionId] == nil {
      let isCrowded = watcher.target.whenRoomy { [watch] in
        watch.post(.roomy(connectionId: connectionId))
      }
      if !isCrowded {
        guard watcher.target.isGone() else { return false }
        // Nothing is kept for it from now on. Its task has it removed.
        watcher.phase = .over
        return true
      }
    }
    waiting[connectionId, default: []].append(watcher)
    watcher.phase = .waiting
    behind[ObjectIdentifier(watcher)] = watcher
    return true
  }

  private func goOn(_ connectionId: UInt64) {
    for watcher in waiting.removeValue(forKey: connectionId) ?? [] where watcher.phase == .waiting {
      watcher.phase = .served
      behind[ObjectIdentifier(watcher)] = nil
      send(to: watcher)
    }
  }

  // MARK: who comes and goes

  private func join(_ watcher: Watcher, from: Int64, position: Int64) -> Int64? {
    // Its call may be over already, and another ledger may be in the place of its own.
    guard watcher.phase == .reading || watcher.phase == .overrun else {
      watch.hasRemoved(1)
      return nil
    }
    if ofAll.isEmpty && ofSome.isEmpty { nextSequence = position }
    watcher.phase = .joined
    watcher.fromSequence = max(from, position)
    watcher.place = rows.endPlace
    behind[ObjectIdentifier(watcher)] = watcher
    if watcher.userIds.isEmpty {
      ofAll[ObjectIdentifier(watcher)] = watcher
    } else {
      ofSome[ObjectIdentifier(watcher)] = watcher
      for userId in watcher.userIds { byUser[userId, default: []].append(watcher) }
    }
    return position
  }

  private func serve(_ watcher: Watcher, _ continuation: CheckedContinuation<WatchEnd, Never>) {
    switch watcher.phase {
    case .joined:
      watcher.phase = .served
      watcher.whenOver = continuation
      // Up to there it has read by itself.
      watcher.toldSequence = watcher.fromSequence
      behind[ObjectIdentifier(watcher)] = nil
      send(to: watcher)
    case .overrun: continuation.resume(returning: .overrun)
    case .reading, .served, .waiting, .over: continuation.resume(returning: .over)
    }
  }

  private func remove(_ watcher: Watcher, _ end: WatchEnd) {
    let wasJoined =
      ofAll.removeValue(forKey: ObjectIdentifier(watcher)) != nil
      || ofSome.removeValue(forKey: ObjectIdentifier(watcher)) != nil
    watcher.phase =
      switch end {
      case .over: .over
      case .overrun: .overrun
      }
    guard wasJoined else { return }
    behind[ObjectIdentifier(watcher)] = nil
    for userId in watcher.userIds {
      byUser[userId]?.removeAll { $0 === watcher }
      if byUser[userId]?.isEmpty == true { byUser[userId] = nil }
    }
    watcher.places = []
    watcher.firstPlace = 0
    watch.hasRemoved(1)
    watcher.whenOver?.resume(returning: end)
    watcher.whenOver = nil
  }

  /// What it has yet to be sent is not kept any longer.
  private func fallBehind(_ watcher: Watcher) {
    if watcher.phase == .joined { return remove(watcher, .overrun) }
    watch.countLagged()
    watcher.target.end(LedgerWatch.lagged(resumeSequence: watcher.toldSequence))
    remove(watcher, .over)
  }

  private func endAll(_ watchers: [Watcher], _ status: Status) {
    for watcher in watchers {
      watcher.target.end(status)
      remove(watcher, .over)
    }
  }

  // MARK: positions

  private func tellPositions(_ now: UInt64) {
    positionsDueNanoseconds = now + Self.positionNanoseconds
    positionsSequence = nextSequence
    let message = WatchMessage.end(nextSequence: nextSequence)
    for watcher in ofSome.values where watcher.phase == .served && watcher.toldSequence < nextSequence {
      do throws(Status) {
        guard try watcher.target.offer(message) else { continue }
        watcher.toldSequence = nextSequence
        unsent[watcher.target.connectionId] = watcher.target
      } catch { end(watcher, error) }
    }
    flush()
  }
}
