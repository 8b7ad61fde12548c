// A watch of the Swift client against a server in this process that cuts it as the test says.

import TTRPC
import TallyLocking
import TallyMessages
import TallyTestSupport
import Testing

@testable import TallyClient

@Suite("Transaction watch")
struct TransactionWatchTests {
  /// What one call of WatchTransactions is answered with: messages, then its end.
  private struct Answer: Sendable {
    var rows: [[Int64]]
    var next: Int64
    /// nil waits until the call is given up.
    var end: Status?
    /// Between the last message and the end.
    var silence: Duration = .zero
  }

  private final class Ledger: Sendable {
    let path = Peer.newPath()
    private let server: Server
    private let asked: Lock<[TallystickV1.WatchTransactionsRequest]>

    init(_ answers: [Answer]) throws {
      let (asked, left) = (Lock<[TallystickV1.WatchTransactionsRequest]>([]), Lock(answers[...]))
      var registry = ServiceRegistry()
      registry.add(
        service: TallystickV1.CreditService.name,
        methods: [
          "WatchTransactions": .streaming(.serverStream) { _, requests, sink in
            let request = try await requests.next() ?? []
            let message = try TallystickV1.WatchTransactionsRequest.decode(request)
            asked.withLock { $0.append(message) }
            guard let answer = left.withLock({ $0.popFirst() }) else {
              throw Status(.invalidArgument, "one call too many")
            }
            for (index, rows) in answer.rows.enumerated() {
              var response = TallystickV1.WatchTransactionsResponse()
              response.transactions = rows.map { sequence in
                var row = TallystickV1.Transaction()
                row.sequence = sequence
                return row
              }
              let following = answer.rows.dropFirst(index + 1).first { !$0.isEmpty }?.first
              response.nextSequence = following ?? answer.next
              try await sink.send(response.encode())
            }
            let over = ContinuousClock.now + answer.silence
            try await eventually("the silence is over") { .now >= over }
            if let end = answer.end { throw end }
            _ = try await requests.next()
            try await Task.sleep(for: .seconds(3_600))
          }
        ])
      self.asked = asked
      server = Server(options: ServerOptions(path: path), registry: registry)
      try server.start()
    }

    /// Where each call began.
    var froms: [Int64] { asked.withLock { $0.map(\.fromSequence) } }
    var users: [[String]] { asked.withLock { $0.map(\.userIds) } }
    func stop() async { await server.shutdown(drainNanoseconds: 0) }
  }

  private static func status(
    _ code: StatusCode, _ reason: String, _ details: [String: String] = [:]
  ) -> Status {
    Status(code, "cut", details: [Peer.info(reason, details)])
  }

  private static let lagged = status(.outOfRange, "LAGGED", ["resume_sequence": "8"])
  private static let ended = status(.unavailable, "STREAM_ENDED")
  private static let quick = RetryPolicy(
    duration: Patience.duration, maximumAttempts: 5, firstDelay: .milliseconds(1),
    maximumDelay: .milliseconds(2))

  @Test("a watch that is cut goes on after its last row, whatever has cut it")
  func resumes() async throws {
    let ledger = try Ledger([
      Answer(rows: [[], [5, 6]], next: 7, end: Self.ended),
      // One that could not begin.
      Answer(rows: [], next: 0, end: Self.status(.unavailable, "SHUTTING_DOWN")),
      Answer(rows: [[], [7]], next: 8, end: Self.lagged),
      Answer(rows: [[], [9], []], next: 20, end: Self.ended), Answer(rows: [[], [20]], next: 21, end: nil),
    ])
    let client = TallyClient(socket: ledger.path, defaults: CallOptions(retry: Self.quick))
    var rows = client.watchTransactions(users: ["a"], resumption: Self.quick).makeAsyncIterator()
    #expect(rows.nextSequence == 0)
    var sequences: [Int64] = []
    for _ in 0..<5 {
      sequences.append(try #require(try await rows.next()).sequence)
      #expect(rows.nextSequence == [6, 7, 8, 20, 21][sequences.count - 1])
    }
    #expect(sequences == [5, 6, 7, 9, 20])
    #expect(ledger.froms == [0, 7, 7, 8, 20])
    #expect(ledger.users.allSatisfy { $0 == ["a"] })
    client.close()
    await ledger.stop()
  }

  @Test("what another call would meet as well ends it, and so do failures without end")
  func ends() async throws {
    let refused = try Ledger([
      Answer(rows: [[], [5]], next: 6, end: Self.status(.permissionDenied, "ACTING_USER"))
    ])
    var client = TallyClient(socket: refused.path, defaults: CallOptions(retry: Self.quick))
    var rows = client.watchTransactions(from: 5, resumption: Self.quick).makeAsyncIterator()
    #expect(try await rows.next()?.sequence == 5)
    let error = await #expect(throws: TallyError.self) { _ = try await rows.next() }
    #expect(error?.reason == "ACTING_USER" && rows.nextSequence == 6)
    client.close()
    await refused.stop()

    let down = Self.status(.unavailable, "SHUTTING_DOWN")
    let failing = try Ledger([Answer](repeating: Answer(rows: [], next: 0, end: down), count: 9))
    client = TallyClient(socket: failing.path, defaults: CallOptions(retry: Self.quick))
    rows = client.watchTransactions(from: 5, resumption: .never).makeAsyncIterator()
    let last = await #expect(throws: TallyError.self) { _ = try await rows.next() }
    #expect(last?.reason == "SHUTTING_DOWN" && failing.froms == [5, 5, 5, 5, 5])
    client.close()
    await failing.stop()
  }

  @Test("a watch goes on after a silence that is longer than it is tried to go on")
  func silence() async throws {
    let policy = RetryPolicy(duration: .seconds(1))
    let ledger = try Ledger([
      Answer(rows: [[], [5]], next: 6, end: Self.ended, silence: policy.duration * 2),
      Answer(rows: [[], [6]], next: 7, end: nil),
    ])
    let client = TallyClient(socket: ledger.path, defaults: CallOptions(retry: policy))
    var rows = client.watchTransactions(from: 5, resumption: policy).makeAsyncIterator()
    #expect(try await rows.next()?.sequence == 5)
    #expect(try await rows.next()?.sequence == 6)
    #expect(ledger.froms == [5, 6])
    client.close()
    await ledger.stop()
  }

  @Test("a reader that takes nothing for long loses no row")
  func slowReader() async throws {
    let row = String(repeating: "x", count: 1_000)
    var registry = ServiceRegistry()
    let (froms, hasSentAll) = (Lock<[Int64]>([]), Lock(false))
    registry.add(
      service: TallystickV1.CreditService.name,
      methods: [
        "WatchTransactions": .streaming(.serverStream) { _, requests, sink in
          let request = try await requests.next() ?? []
          var from = try TallystickV1.WatchTransactionsRequest.decode(request).fromSequence
          froms.withLock { $0.append(from) }
          while from <= 40_000 {
            var response = TallystickV1.WatchTransactionsResponse()
            response.transactions = (from..<min(from + 1_000, 40_001)).map { sequence in
              var transaction = TallystickV1.Transaction()
              (transaction.sequence, transaction.description) = (sequence, row)
              return transaction
            }
            from += Int64(response.transactions.count)
            response.nextSequence = from
            try await sink.send(response.encode())
          }
          hasSentAll.withLock { $0 = true }
          try await Task.sleep(for: .seconds(3_600))
        }
      ])
    let path = Peer.newPath()
    let server = Server(options: ServerOptions(path: path), registry: registry)
    try server.start()
    let client = TallyClient(socket: path)
    var rows = client.watchTransactions(from: 1).makeAsyncIterator()
    var expected: Int64 = 1
    while expected <= 40_000 {
      #expect(try await rows.next()?.sequence == expected)
      expected += 1
      // By then the server has sent as much as it may.
      if expected == 1_500 { try await eventually("all is sent") { hasSentAll.withLock { $0 } } }
    }
    #expect(froms.withLock { $0.count } > 1)
    client.close()
    await server.shutdown(drainNanoseconds: 0)
  }
}
