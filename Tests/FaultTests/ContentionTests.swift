// Hundreds of callers on one nearly empty balance: what there is is given out once, to the last micro.

import TallyClient
import TallyMessages
import Testing

extension FaultTests {
  @Suite("Contention")
  struct ContentionTests {
    static let callerCount = 300
    static let connectionCount = 20

    /// Runs `body` against a server, then proves the ledger.
    static func serve(_ body: (Daemon, [TallyClient]) async throws -> Void) async throws {
      let workplace = try Workplace()
      let daemon = try await Daemon.start(workplace)
      let clients = (0..<connectionCount).map { _ in daemon.client() }
      try await body(daemon, clients)
      for client in clients { client.close() }
      try await daemon.verify()
      try await daemon.stop()
    }

    /// The same from every caller at once.
    static func all(_ body: @escaping @Sendable (Int) async -> Void) async {
      await withTaskGroup(of: Void.self) { group in
        for caller in 0..<callerCount { group.addTask { await body(caller) } }
      }
    }

    @Test(
      "of 300 callers on a balance for 100, exactly 100 are served", arguments: [Action.consume, .reserve])
    func exactlyTheAffordable(action: Action) async throws {
      try await Self.serve { _, clients in
        let oracle = Oracle(accountCount: 1)
        let purchase = Call(number: oracle.number(), action: .purchase, account: 0, amountMicros: 100)
        #expect(await oracle.make(purchase, clients[0]))
        await Self.all { caller in
          let call = Call(number: oracle.number(), action: action, account: 0, amountMicros: 1)
          _ = await oracle.make(call, clients[caller % clients.count])
        }
        #expect(oracle.acknowledgedCount == 1 + 100)
        #expect(oracle.count("INSUFFICIENT_CREDITS") == Self.callerCount - 100)
        try await oracle.checkBalances(clients[0])
        oracle.checkHistory()
        #expect(oracle.violations == [])
      }
    }

    @Test(
      "in any mix of consume, hold, capture, release, grant and runs, only the affordable succeed",
      arguments: 1...3
    )
    func mix(seed: UInt64) async throws {
      try await Self.serve { daemon, clients in
        let oracle = Oracle(accountCount: 1)
        var workload = Workload(seed: seed)
        workload.callerCount = Self.callerCount
        workload.connectionCount = Self.connectionCount
        workload.hotAccountCount = 1
        // More is asked for than is ever put in, so that the balance stays near zero.
        workload.weights = .scarce
        await workload.run(oracle, daemon, round: 0) { oracle.count("INSUFFICIENT_CREDITS") >= 1_500 }
        try await oracle.checkBalances(clients[0])
        oracle.checkHistory()
        #expect(oracle.violations == [], "\(oracle.summary)")
        #expect(oracle.acknowledgedCount > 0)
        #expect(oracle.count("INSUFFICIENT_CREDITS") >= 1_500)
      }
    }

    // The same payment under another id is a replay from the first call on.
    @Test(
      "the same key from many connections at once happens once",
      arguments: Action.allCases.filter { $0 != .purchaseAgain })
    func duplicates(action: Action) async throws {
      try await Self.serve { _, clients in
        let oracle = Oracle(accountCount: 1)
        let purchase = Call(number: oracle.number(), action: .purchase, account: 0, amountMicros: 1_000)
        #expect(await oracle.make(purchase, clients[0]))
        for _ in 0..<20 {
          let call = try await Self.call(action, oracle, clients[0])
          let replies = try await Self.sendFromAll(call, clients)
          #expect(replies.filter { !$0.isReplayed }.count == 1, "\(call)")
          let rows = try #require(replies.first?.rows)
          #expect(replies.allSatisfy { $0.rows == rows && $0.violations == [] }, "\(call)")
          oracle.note(call, replies[0])
        }
        try await oracle.checkBalances(clients[0])
        try await oracle.checkUsage(clients[0])
        oracle.checkHistory()
        #expect(oracle.violations == [])
      }
    }

    /// A call that can be paid; for one that settles, the hold is made first.
    private static func call(_ action: Action, _ oracle: Oracle, _ client: TallyClient) async throws -> Call {
      switch action {
      case .refund, .reverse, .reinstate, .void, .forgive, .purchaseAgain, .grantPlan:
        return try await backCall(action, oracle, client)
      case .capture, .captureDrawing, .release:
        let reserve = Call(number: oracle.number(), action: .reserve, account: 0, amountMicros: 7)
        let reply = try await reserve.send(client)
        oracle.note(reserve, reply)
        return Call(
          number: oracle.number(), action: action, account: 0,
          amountMicros: action == .captureDrawing ? 9 : 5, hold: reply.hold)
      case .batch:
        let parts = [Part](repeating: Part(account: 0, amountMicros: 3), count: 5)
        return Call(number: oracle.number(), batch: parts)
      case .finishRun:
        let begin = Call(number: oracle.number(), action: .beginRun, account: 0, amountMicros: 7)
        #expect(await oracle.make(begin, client))
        let run = OpenRun(number: begin.number, account: 0, estimateMicros: 7)
        return Call(number: oracle.number(), finishing: run, costMicros: 9)
      case .recordRuns:
        let parts = [Part](repeating: Part(account: 0, amountMicros: 3), count: 5)
        return Call(number: oracle.number(), recording: parts)
      case .savePage:
        let create = Call(number: oracle.number(), action: .createPage, account: 0, amountMicros: 0)
        #expect(await oracle.make(create, client))
        return Call(number: oracle.number(), saving: PageBase(number: create.number, account: 0, version: 1))
      case .putSettings:
        await Workload.putPlans(oracle, client)
        return Call(number: oracle.number(), action: action, account: 0, amountMicros: 0)
      case .consume, .purchase, .promo, .reserve, .beginRun, .createPage:
        return Call(number: oracle.number(), action: action, account: 0, amountMicros: 5)
      }
    }

    /// A call about something that is made first.
    private static func backCall(
      _ action: Action, _ oracle: Oracle, _ client: TallyClient
    ) async throws -> Call {
      func send(_ call: Call) async throws -> Reply {
        let reply = try await call.send(client)
        oracle.note(call, reply)
        return reply
      }
      func new(_ action: Action, _ amountMicros: Int64) -> Call {
        Call(number: oracle.number(), action: action, account: 0, amountMicros: amountMicros)
      }
      func new(
        _ action: Action, of reply: Reply, _ choice: TallystickV1.OnShortfall = .reject
      ) throws -> Call {
        let earlier = try #require(reply.earlier)
        return Call(
          number: oracle.number(), action, of: earlier,
          amountMicros: action == .void ? nil : earlier.amountMicros, onShortfall: choice)
      }
      switch action {
      case .refund: return try new(.refund, of: try await send(new(.consume, 5)))
      case .void: return try new(.void, of: try await send(new(.promo, 5)))
      case .grantPlan:
        await Workload.putPlans(oracle, client)
        let number = oracle.number()
        return Call(
          number: number, granting: GrantKey(account: 0, plan: 0, index: Int32(number % 4_096)))
      default: break
      }
      let bought = try await send(new(.purchase, 5))
      if action == .reverse { return try new(.reverse, of: bought) }
      if action == .forgive {
        // What was bought is spent when it is taken back.
        let all = bought.rows.first?.after.postedMicros ?? 0
        _ = try await send(new(.consume, all))
        _ = try await send(try new(.reverse, of: bought, .owe))
        return new(.forgive, 0)
      }
      _ = try await send(try new(.reverse, of: bought))
      return try new(.reinstate, of: bought)
    }

    private static func sendFromAll(_ call: Call, _ clients: [TallyClient]) async throws -> [Reply] {
      try await withThrowingTaskGroup(of: Reply.self) { group in
        for client in clients { group.addTask { try await call.send(client) } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
    }

    @Test("of many that settle one hold, with keys of their own, one succeeds")
    func settlers() async throws {
      try await Self.serve { _, clients in
        let oracle = Oracle(accountCount: 1)
        let purchase = Call(number: oracle.number(), action: .purchase, account: 0, amountMicros: 1_000)
        #expect(await oracle.make(purchase, clients[0]))
        for round in 1...10 {
          let reserve = Call(number: oracle.number(), action: .reserve, account: 0, amountMicros: 10)
          let reply = try await reserve.send(clients[0])
          oracle.note(reserve, reply)
          let hold: OpenHold = try #require(reply.hold)
          let before = oracle.acknowledgedCount
          await Self.all { caller in
            let call = Call(
              number: oracle.number(), action: caller % 2 == 0 ? .capture : .release, account: 0,
              amountMicros: 1 + Int64(caller % 10), hold: hold)
            _ = await oracle.make(call, clients[caller % clients.count])
          }
          #expect(oracle.acknowledgedCount == before + 1)
          #expect(oracle.count("HOLD_SETTLED") == round * (Self.callerCount - 1))
        }
        try await oracle.checkBalances(clients[0])
        oracle.checkHistory()
        #expect(oracle.violations == [])
      }
    }
  }
}
