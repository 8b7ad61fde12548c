// The one writer: takes what waits, has it decided and committed, answers.
//
// Invariants:
// 1. A completion runs after its commit is durable; replies of a batch, refusals too, are released together,
//    since they depend on each other. Each group is flushed once after that.
// 2. Every submission that entered the queue is answered: by its commit, by its deadline, because its peer
//    has gone, or because the writer stops.
// 3. Nobody waits in `submit`. A lone caller's thread decides and commits itself, but only where it says that
//    it may wait: see `Submission.lead`.
//
// Owner: its serial queue.

internal import Dispatch
internal import Synchronization
internal import TallyLocking

// @unchecked Sendable: everything mutable is confined to `queue`, asserted at each entry, or atomic.
package final class Writer: @unchecked Sendable {
  /// How long the writer waits for the last batch's callers to come back, in nanoseconds.
  static let windowNanoseconds: UInt64 = 60_000
  /// Without a batch for this long the writer is idle, and may spend its time on the log.
  static let idleNanoseconds: UInt64 = 20_000_000

  /// How soon it looks again at a log that waits for snapshots of this process to end.
  static let lookAgainMillis = 2
  /// How much longer the writer rests from a large sweep than a slice of it took, while others write: so it
  /// has a quarter of the time at most.
  static let pausePerSlice: UInt64 = 3

  private let queue = DispatchQueue(label: "tallystick.writer", qos: .userInitiated)
  private let inbox = Inbox()
  private let state: CommittedState
  private let metrics: StoreMetrics
  private let clock: any TimeSource
  private let timer: any DispatchSourceTimer
  /// nil once the writer has stopped; the connection is closed then.
  private var committer: Committer?
  /// Of the last batch; as many callers may be back soon. Written on the queue.
  private let lastCount = Atomic(0)
  private var lastRunNanoseconds: UInt64 = 0
  /// The log is looked at again soon.
  private var looksAgain = false
  /// The next slice of upkeep is on its way.
  private var ticksAgain = false

  package init(
    committer: Committer, state: CommittedState, metrics: StoreMetrics, configuration: EngineConfiguration
  ) {
    self.committer = committer
    self.state = state
    self.metrics = metrics
    clock = configuration.clock
    timer = DispatchSource.makeTimerSource(queue: queue)
    let interval = DispatchTimeInterval.milliseconds(configuration.tickMillis)
    timer.schedule(deadline: .now() + interval, repeating: interval, leeway: .milliseconds(50))
    timer.setEventHandler { [weak self] in self?.tick() }
    timer.resume()
  }

  deinit { timer.cancel() }

  // MARK: any thread

  /// Why nothing would be taken now.
  package func admission() -> Refusal? {
    let refusal: Refusal? =
      switch state.mode {
      case .lost: Self.lostRefusal
      case .draining: Self.drainingRefusal
      case .readOnly: Self.readOnlyRefusal
      case .serving: inbox.isFull ? .queueFull : nil
      }
    if let refusal { metrics.turnAway(refusal.reason) }
    return refusal
  }

  /// Whether a sharer has its part of the queue already.
  package func admission(of sharer: () -> String) -> Refusal? {
    guard inbox.isShared, !inbox.hasRoom(for: sharer()) else { return nil }
    metrics.turnAway(.queueFull)
    return .queueFull
  }

  /// Submissions that wait.
  var pendingCount: Int { inbox.count }
  /// The same, and their bytes.
  package var pending: (items: Int, bytes: Int) { inbox.size }

  package func submit(_ work: Work) { submit(work, mayLead: true) }

  /// - Parameter mayLead: whether the caller's thread may be asked to do the work.
  private func submit(_ work: Work, mayLead: Bool) {
    switch state.mode {
    case .readOnly: return turnAway(work, Self.readOnlyRefusal)
    case .lost: return turnAway(work, Self.lostRefusal)
    case .serving, .draining: break
    }
    switch inbox.add(work) {
    case .first:
      // The batch before had company that may be back: then it is not lone for long.
      if mayLead, lastCount.load(ordering: .relaxed) <= 1, let lead = work.lead,
        lead({ self.queue.sync { self.drainOnCaller() } })
      {
        return
      }
      queue.async { self.drain() }
    case .queued: break
    case .full: turnAway(work, .queueFull)
    case .closed: turnAway(work, Self.drainingRefusal)
    }
  }

  private func turnAway(_ work: Work, _ refusal: Refusal) {
    metrics.turnAway(refusal.reason)
    Self.refuse(work, refusal)
    work.group?.flush()
  }

  private static func refuse(_ work: Work, _ refusal: Refusal) {
    work.commands.refuseRest(refusal)
    work.complete()
  }

  package static let drainingRefusal = Refusal(.shuttingDown, "the server is shutting down")
  static let readOnlyRefusal = Refusal(.readOnly, "the server accepts no writes at the moment")
  static let lostRefusal = Refusal(
    .corrupt, "the database's files were removed or replaced; nothing was applied")
  private static let lateRefusal = Refusal(
    .deadlineExceeded, "the deadline passed before the write began; nothing was applied")

  private static let cancelledRefusal = Refusal(
    .cancelled, "the call was cancelled before the write began; nothing was applied")

  // MARK: the loop

  private func drain() {
    dispatchPrecondition(condition: .onQueue(queue))
    let lastCount = lastCount.load(ordering: .relaxed)
    if lastCount > 1 && inbox.count < lastCount {
      inbox.wait(
        for: lastCount, deadlineNanoseconds: MonotonicClock.nanoseconds + Self.windowNanoseconds)
    }
    carryOut(inbox.take())
  }

  /// A lone caller is answered on its own thread.
  private func drainOnCaller() {
    dispatchPrecondition(condition: .onQueue(queue))
    let batch = inbox.take()
    lastCount.store(batch.count, ordering: .relaxed)
    run(batch)
    // What came in meanwhile has company; an empty inbox lets the writer sleep.
    let rest = inbox.take()
    let isDue = committer?.isCheckpointDue ?? false
    if !rest.isEmpty || isDue { queue.async { self.carryOut(rest) } }
  }

  private func carryOut(_ batch: [Work]) {
    dispatchPrecondition(condition: .onQueue(queue))
    lastCount.store(batch.count, ordering: .relaxed)
    if !batch.isEmpty { run(batch) }
    checkpoint()
    if !batch.isEmpty { queue.async { self.drain() } }
  }

  private func run(_ batch: [Work]) {
    let now = clock.monotonicNanoseconds
    // One that takes long is not followed by an idle moment at once.
    defer { lastRunNanoseconds = clock.monotonicNanoseconds }
    var live: [Work] = []
    live.reserveCapacity(batch.count)
    for work in batch {
      if let deadline = work.deadlineNanoseconds, deadline <= now {
        metrics.turnAway(.deadlineExceeded)
        Self.refuse(work, Self.lateRefusal)
      } else if work.isCancelled?() == true {
        metrics.turnAway(.cancelled)
        Self.refuse(work, Self.cancelledRefusal)
      } else if !putAside(work) {
        live.append(work)
      }
    }
    if !live.isEmpty {
      var isAnswered = false
      if let committer {
        committer.decide(live) {
          answer(live)
          flush(live)
          isAnswered = true
        }
      } else {
        for work in live { work.commands.refuseRest(Self.drainingRefusal) }
      }
      if !isAnswered { answer(live) }
    }
    flush(batch)
  }

  /// Nothing is decided for a peer that has yet to read so much: its work is submitted again when it has.
  /// - Returns: false when there is room for the reply.
  private func putAside(_ work: Work) -> Bool {
    guard let group = work.group, group.isCrowded else { return false }
    return group.whenRoomy { [weak self] isGone in
      guard let self, !isGone else { return Self.refuse(work, Self.cancelledRefusal) }
      // By then the caller's thread does something else.
      submit(work, mayLead: false)
    }
  }

  /// What is not decided yet comes again, before all else.
  private func answer(_ batch: [Work]) {
    var putOff: [Work] = []
    for work in batch {
      if work.commands.isDecided { work.complete() } else { putOff.append(work) }
    }
    if !putOff.isEmpty { inbox.putBack(putOff) }
  }

  /// Each group once.
  private func flush(_ batch: [Work]) {
    var flushed: Set<ObjectIdentifier> = []
    for work in batch {
      guard let group = work.group, flushed.insert(ObjectIdentifier(group)).inserted else { continue }
      group.flush()
    }
  }

  // MARK: upkeep

  /// A log that waits for readers is looked at again without a batch, so that they do not wait for one.
  private func checkpoint() {
    committer?.checkpoint(isIdle: false)
    lookAgainWhilePausing()
  }

  private func lookAgainWhilePausing() {
    guard committer?.isCheckpointPausing == true, !looksAgain else { return }
    looksAgain = true
    queue.asyncAfter(deadline: .now() + .milliseconds(Self.lookAgainMillis)) {
      self.looksAgain = false
      self.checkpoint()
    }
  }

  /// A slice of upkeep, and what is left of it after those who wait meanwhile.
  private func tick() {
    dispatchPrecondition(condition: .onQueue(queue))
    if ticksAgain { return }
    let beganNanoseconds = clock.monotonicNanoseconds
    let isIdle = beganNanoseconds - lastRunNanoseconds >= Self.idleNanoseconds
    guard let committer, committer.tick(isIdle: isIdle, writesOff: !clock.isFrozen) else {
      return lookAgainWhilePausing()
    }
    lookAgainWhilePausing()
    ticksAgain = true
    let spent = clock.monotonicNanoseconds - beganNanoseconds
    let pause = committer.pausesUpkeep && !isIdle ? spent * Self.pausePerSlice : 0
    queue.asyncAfter(deadline: .now() + .nanoseconds(Int(pause))) {
      self.ticksAgain = false
      self.tick()
    }
  }

  /// Runs on the writer's queue, between batches.
  /// - Throws: `closed` when the writer has stopped; what `body` throws.
  package func perform<Value>(_ body: (Committer) throws(StorageFailure) -> Value) throws(StoreError) -> Value
  {
    let result = queue.sync { () -> Result<Value, StoreError> in
      guard let committer else { return .failure(StoreError(.closed, "the engine is closed")) }
      return Result { () throws(StorageFailure) in try body(committer) }.mapError { StoreError($0) }
    }
    return try result.get()
  }

  /// Lets nothing in any more, and waits for what is queued. What is still queued at the deadline is
  /// turned away.
  package func stop(deadlineNanoseconds: UInt64) {
    timer.cancel()
    state.mode = .draining
    inbox.close()
    _ = inbox.waitUntilIdle(deadlineNanoseconds: deadlineNanoseconds)
    queue.sync {
      while true {
        let rest = inbox.take()
        if rest.isEmpty { break }
        for work in rest {
          metrics.turnAway(.shuttingDown)
          Self.refuse(work, Self.drainingRefusal)
        }
        flush(rest)
      }
    }
  }

  /// The last checkpoint; closes the connection.
  package func close() throws(StoreError) {
    let result = queue.sync { () -> Result<Void, StoreError> in
      guard let committer else { return .success(()) }
      self.committer = nil
      return Result { () throws(StorageFailure) in try committer.truncate() }.mapError { StoreError($0) }
    }
    try result.get()
  }
}
