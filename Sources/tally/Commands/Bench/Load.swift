// The load of `tally bench`: callers that each wait for one reply before they call again.
//
// Owner: the main thread; callers run on the queues of the client's connections.

internal import Dispatch
internal import TTRPC
internal import TallyClient
internal import TallyLocking
internal import TallyMeasuring
internal import TallyMessages

/// A closed loop: each caller makes its next call when the last has been answered.
struct Load: Sendable {
  var work: BenchCommand.Work
  var users: Int
  /// Part of the keys of this run, so that they differ from those of any other run.
  var runId: String

  static let fundMicros: Int64 = 1_000_000_000_000
  static let fundBatchCount = 64

  /// Gives every user enough credit for any run.
  func fund(_ client: TallyClient) async throws {
    var next = 0
    while next < users {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for user in next..<min(users, next + Self.fundBatchCount) {
          var request = TallystickV1.AddPurchaseRequest()
          request.userId = "bench-\(user)"
          request.amountMicros = Self.fundMicros
          request.paymentId = "bench-\(runId)-\(user)"
          request.idempotencyKey = request.paymentId
          group.addTask { [request] in
            _ = try await client.call(TallystickV1.CreditService.addPurchase, request)
          }
        }
        try await group.waitForAll()
      }
      next += Self.fundBatchCount
    }
  }

  func run(socket: String, callers: Int, connections: Int, seconds: Int) throws -> LoadReport {
    var open: [ClientConnection] = []
    for _ in 0..<min(connections, callers) {
      do throws(TTRPC.SystemError) { open.append(try ClientConnection.connect(path: socket)) } catch {
        throw Failure(.unavailable, "cannot reach the server: \(error)")
      }
    }
    let group = DispatchGroup()
    let start = System.monotonicNanoseconds
    let end = start + UInt64(seconds) * 1_000_000_000
    let all = (0..<callers).map { place in
      LoadCaller(self, place: place, callers: callers, open[place % open.count], until: end, group)
    }
    for caller in all { caller.begin() }
    group.wait()
    var report = LoadReport(
      callers: callers, elapsedNanoseconds: System.monotonicNanoseconds - start, latencies: Histogram(),
      failures: [:])
    for caller in all { caller.add(to: &report) }
    for connection in open { connection.close() }
    return report
  }

  /// The `number`th request of a caller.
  func request(_ place: Int, _ number: Int, of callers: Int) -> (service: String, method: String, [UInt8]) {
    let user = "bench-\((place + number * callers) % users)"
    switch work {
    case .consume:
      var request = TallystickV1.ConsumeRequest()
      request.userId = user
      request.amountMicros = 1
      request.idempotencyKey = "\(runId)-\(number)-\(place)"
      return (TallystickV1.CreditService.name, "Consume", request.encode())
    case .balance:
      var request = TallystickV1.GetBalanceRequest()
      request.userId = user
      return (TallystickV1.CreditService.name, "GetBalance", request.encode())
    case .health: return (GrpcHealthV1.Health.name, "Check", [])
    }
  }
}

/// One caller of a load.
private final class LoadCaller: Sendable {
  private struct State {
    var number = 0
    var latencies = Histogram()
    var failures: [String: UInt64] = [:]
  }

  private let load: Load
  private let place: Int
  private let callers: Int
  private let connection: ClientConnection
  private let end: UInt64
  private let group: DispatchGroup
  private let state = Lock(State())

  init(
    _ load: Load, place: Int, callers: Int, _ connection: ClientConnection, until end: UInt64,
    _ group: DispatchGroup
  ) {
    self.load = load
    self.place = place
    self.callers = callers
    self.connection = connection
    self.end = end
    self.group = group
  }

  func begin() {
    group.enter()
    next()
  }

  private func next() {
    let number = state.withLock { state in
      state.number += 1
      return state.number
    }
    let start = System.monotonicNanoseconds
    // On a lost connection calls fail at once, so going on would only count failures.
    guard start < end, !connection.isClosed else { return group.leave() }
    let (service, method, payload) = load.request(place, number, of: callers)
    connection.unary(service, method, payload) { [self] result in
      state.withLock { state in
        switch result {
        case .success: state.latencies.add(System.monotonicNanoseconds - start)
        case .failure(let error):
          let failure = TallyError(error)
          state.failures[failure.reason.isEmpty ? failure.code.wireName : failure.reason, default: 0] += 1
        }
      }
      next()
    }
  }

  func add(to report: inout LoadReport) {
    state.withLock { state in
      report.latencies.merge(state.latencies)
      report.failures.merge(state.failures) { $0 + $1 }
    }
  }
}
