// Hundreds of callers, and several processes, on one quota and on one page: a quota is given out once, and
// of those that save from one version one does.

import TallyClient
import TallyMessages
import Testing

extension FaultTests {
  @Suite("Contention for runs and pages")
  struct ProductContentionTests {
    private static let limit = Workload.limits.monthlyGenerations ?? 0
    private static let pageLimit = Workload.limits.pageCount ?? 0

    /// Gives account 0 its plan.
    private static func limitUser(_ oracle: Oracle, _ client: TallyClient) async {
      await Workload.putPlans(oracle, client)
      let settings = Call(number: oracle.number(), action: .putSettings, account: 0, amountMicros: 0)
      #expect(await oracle.make(settings, client))
    }

    private static func check(_ oracle: Oracle, _ client: TallyClient) async throws {
      try await oracle.checkBalances(client)
      try await oracle.checkUsage(client)
      oracle.checkHistory()
      #expect(oracle.violations == [])
    }

    @Test("of 300 callers on a quota, exactly as many are served as it allows, of runs and of pages")
    func quotas() async throws {
      try await ContentionTests.serve { _, clients in
        let oracle = Oracle(accountCount: 1)
        await Self.limitUser(oracle, clients[0])
        for (action, limit) in [(Action.beginRun, Self.limit), (.createPage, Self.pageLimit)] {
          let acknowledged = oracle.acknowledgedCount
          let refused = oracle.count("QUOTA_EXCEEDED")
          await ContentionTests.all { caller in
            let call = Call(number: oracle.number(), action: action, account: 0, amountMicros: 0)
            _ = await oracle.make(call, clients[caller % clients.count])
          }
          #expect(oracle.acknowledgedCount - acknowledged == limit)
          #expect(oracle.count("QUOTA_EXCEEDED") - refused == Int64(ContentionTests.callerCount) - limit)
        }
        try await Self.check(oracle, clients[0])
      }
    }

    @Test("of many that finish one run in different ways, one succeeds, and it is charged once")
    func finishers() async throws {
      try await ContentionTests.serve { _, clients in
        let oracle = Oracle(accountCount: 1)
        let purchase = Call(number: oracle.number(), action: .purchase, account: 0, amountMicros: 1_000)
        #expect(await oracle.make(purchase, clients[0]))
        for round in 1...10 {
          let begin = Call(number: oracle.number(), action: .beginRun, account: 0, amountMicros: 10)
          #expect(await oracle.make(begin, clients[0]))
          let run = OpenRun(number: begin.number, account: 0, estimateMicros: 10)
          let before = oracle.acknowledgedCount
          await ContentionTests.all { caller in
            let call = Call(number: oracle.number(), finishing: run, costMicros: Int64(caller % 40))
            _ = await oracle.make(call, clients[caller % clients.count])
          }
          #expect(oracle.acknowledgedCount == before + 1)
          #expect(oracle.count("RUN_CONFLICT") == round * (ContentionTests.callerCount - 1))
        }
        try await Self.check(oracle, clients[0])
      }
    }

    @Test("of many that save one page from the version they know, one succeeds")
    func savers() async throws {
      try await ContentionTests.serve { daemon, clients in
        let oracle = Oracle(accountCount: 1)
        let create = Call(number: oracle.number(), action: .createPage, account: 0, amountMicros: 0)
        #expect(await oracle.make(create, clients[0]))
        for round in 1...10 {
          let base = PageBase(number: create.number, account: 0, version: Int64(round))
          await ContentionTests.all { caller in
            let call = Call(number: oracle.number(), saving: base)
            _ = await oracle.make(call, clients[caller % clients.count])
          }
          #expect(oracle.acknowledgedCount == 1 + round)
          #expect(oracle.count("VERSION_CONFLICT") == round * (ContentionTests.callerCount - 1))
        }
        try await oracle.checkEverything(daemon)
        try await Self.check(oracle, clients[0])
      }
    }

    @Test("several processes share one quota and one page to the last")
    func processes() async throws {
      try await ContentionTests.serve { daemon, clients in
        let (processCount, roundCount) = (6, 6)
        let oracle = Oracle(accountCount: 1)
        await Self.limitUser(oracle, clients[0])
        let create = Call(number: oracle.number(), action: .createPage, account: 0, amountMicros: 0)
        #expect(await oracle.make(create, clients[0]))
        let page = Call.page(create.number)
        // Whoever comes to round N has seen version N, as its own or in a refusal.
        let script = """
          for round in \((1...roundCount).map(String.init).joined(separator: " ")); do
            "$1" usage begin \(Call.user(0)) "$2-$round" --model m --type text --socket "$3" >&2 && echo begun
            printf '{"title": "%s"}' "$2-$round" |
              "$1" pages save \(page) - --expected-version $round --socket "$3" >&2 && echo "$2-$round"
          done
          """
        let children = try (0..<processCount).map { number in
          try Child(
            ["/bin/sh", "-c", script, "sh", Programs.tally, "process-\(number)", daemon.workplace.socket],
            log: daemon.workplace.log)
        }
        var lines: [String] = []
        for child in children { lines += child.outputText().split(separator: "\n").map(String.init) }

        #expect(lines.count { $0 == "begun" } == Self.limit)
        let log = Files.text(daemon.workplace.log)
        let refusals = log.split(separator: "\n").count { $0.contains("QUOTA_EXCEEDED") }
        #expect(refusals == Int64(processCount * roundCount) - Self.limit, "\(log.suffix(2_000))")
        var titles: [String] = []
        for version in 1...roundCount {
          var request = TallystickV1.GetVersionRequest()
          request.pageId = page
          request.version = Int64(version + 1)
          titles.append(
            try await clients[0].call(TallystickV1.PageService.getVersion, request).page?.title ?? "")
        }
        #expect(titles.sorted() == lines.filter { $0 != "begun" }.sorted())
        var request = TallystickV1.GetUsageRequest()
        request.userId = Call.user(0)
        let usage = try await clients[0].call(TallystickV1.UsageService.getUsage, request).usage
        #expect(usage?.running == Self.limit)
        #expect(usage?.pages == 1)
      }
    }
  }
}
