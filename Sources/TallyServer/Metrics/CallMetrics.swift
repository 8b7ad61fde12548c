// Counters of calls by method, and of connections by uid.
//
// Invariants:
// 1. A call is counted once, before its answer can reach the peer, so that the peer finds it counted.
// 2. A method that nobody has called has no histogram.
//
// Thread-safe: connections count, and any thread may read.

internal import Synchronization
internal import TTRPC
internal import TallyLocking
internal import TallyMeasuring

/// The calls of one method.
final class MethodMetrics: MethodObserver {
  let service: String
  let method: String
  private let slowNanoseconds: UInt64
  private let slowLog: SlowLog
  private let countsByCode = InlineArray<17, Atomic<Int64>> { _ in Atomic(0) }
  private let inFlight = Gauge()
  private let latency = AtomicLazyReference<LiveHistogram>()

  init(service: String, method: String, slowNanoseconds: UInt64, slowLog: SlowLog) {
    self.service = service
    self.method = method
    self.slowNanoseconds = slowNanoseconds
    self.slowLog = slowLog
  }

  func callStarted(_ call: CallContext) { inFlight.add(1) }

  func callEnded(_ call: CallContext, _ code: StatusCode) -> Bool {
    let elapsed = MonotonicClock.nanoseconds &- call.startedNanoseconds
    count(code)
    inFlight.add(-1)
    let histogram = latency.load() ?? latency.storeIfNil(LiveHistogram())
    histogram.add(elapsed)
    // Streams are not slow calls: their clients decide how long they last.
    return elapsed > slowNanoseconds && call.kind == .unary
  }

  func callAnswered(_ call: CallContext, _ code: StatusCode) {
    slowLog.call(call, code, elapsedNanoseconds: MonotonicClock.nanoseconds &- call.startedNanoseconds)
  }

  func callRefused(_ code: StatusCode) { count(code) }

  private func count(_ code: StatusCode) {
    countsByCode[Int(code.rawValue)].wrappingAdd(1, ordering: .relaxed)
  }

  struct Report {
    var service: String
    var method: String
    /// The number of answers by status code.
    var counts: [(code: StatusCode, count: Int64)]
    var inFlight: Int64
    /// Latencies in nanoseconds of the calls that reached a handler; nil before the first has ended.
    var latency: Histogram?
  }

  var report: Report {
    var counts: [(StatusCode, Int64)] = []
    for code in StatusCode.allCases {
      let count = countsByCode[Int(code.rawValue)].load(ordering: .relaxed)
      if count > 0 { counts.append((code, count)) }
    }
    return Report(
      service: service, method: method, counts: counts, inFlight: inFlight.value,
      latency: latency.load()?.snapshot)
  }
}

final class CallMetrics: Sendable {
  private struct State {
    var methods: [MethodMetrics] = []
    /// Open connections by uid.
    var connectionsByUid: [UInt32: Int64] = [:]
  }

  let slowLog: SlowLog
  private let slowNanoseconds: UInt64
  private let state = Lock(State())

  /// - Parameter slowNanoseconds: a unary call that takes longer is logged; with nil none is.
  init(slowNanoseconds: UInt64?, slowLog: SlowLog) {
    self.slowNanoseconds = slowNanoseconds ?? .max
    self.slowLog = slowLog
  }

  func observer(service: String, method: String) -> MethodMetrics {
    let metrics = MethodMetrics(
      service: service, method: method, slowNanoseconds: slowNanoseconds, slowLog: slowLog)
    state.withLock { $0.methods.append(metrics) }
    return metrics
  }

  func connectionOpened(_ peer: PeerCredentials) {
    state.withLock { $0.connectionsByUid[peer.uid, default: 0] += 1 }
  }

  func connectionClosed(_ peer: PeerCredentials) {
    state.withLock { state in
      let left = (state.connectionsByUid[peer.uid] ?? 0) - 1
      state.connectionsByUid[peer.uid] = left > 0 ? left : nil
    }
  }

  /// By service and method.
  var reports: [MethodMetrics.Report] {
    state.withLock { $0.methods }.map(\.report)
      .sorted { ($0.service, $0.method) < ($1.service, $1.method) }
  }

  /// By uid.
  var connections: [(uid: UInt32, count: Int64)] {
    state.withLock { $0.connectionsByUid }.map { ($0.key, $0.value) }.sorted { $0.uid < $1.uid }
  }
}
