// No test fails because the machine is busy: the rules on time, and what is excused from them for a reason.

import Testing

@Suite("Patience")
struct PatienceTests {
  /// A line that may stand although a rule finds it.
  struct Exception {
    var path: String
    /// What the line has in it.
    var text: String
    var reason: String

    init(_ path: String, _ text: String, _ reason: String) {
      (self.path, self.text, self.reason) = (path, text, reason)
    }
  }

  static let exceptions: [Exception] = [
    // What the limits, the pauses and `soon` are made of.
    .init("Tests/TallyTestSupport/Patience.swift", "Duration = .milliseconds(", "the definition of a pause"),
    .init("Tests/TallyTestSupport/Patience.swift", "Task.sleep(", "waits for a condition"),
    .init("Tests/TallyTestSupport/WaitUntil.swift", "usleep(", "waits for a condition"),
    .init("clients/python/tests/fake.py", "time.sleep(LOOK_SECONDS)", "waits for a condition"),
    .init("clients/python/tests/fake.py", "asyncio.sleep(LOOK_SECONDS)", "waits for a condition"),
    .init("clients/node/test/patience.js", "=> pause(2)", "waits for a condition"),
    // Pauses that are what is tested.
    .init(
      "Tests/CoreTests/Engine/LinearizabilityTests.swift", "usleep(", "the fault is a commit that is slow"),
    .init("Tests/FaultTests/Oracle/KillRun.swift", "Task.sleep(", "the moment of a kill is any"),
    .init(
      "Tests/FaultTests/Linearizability/ConcurrentRun.swift", "Task.sleep(", "the moment of a kill is any"),
    .init("Tests/FaultTests/GrantKillTests.swift", "Task.sleep(", "the moment of a kill is any"),
    .init("Tests/FaultTests/CapKillTests.swift", "Task.sleep(", "the moment of a kill is any"),
    .init("Tests/FaultTests/TopUpKillTests.swift", "Task.sleep(", "the moment of a kill is any"),
    .init(
      "Tests/FaultTests/Oracle/KillRun.swift", "startDuration: Duration", "a first guess at such a moment"),
    .init(
      "Tests/TallyClientTests/TransactionWatchTests.swift", "Task.sleep(for: .seconds(3_600))",
      "a stream that stays open until it is cancelled"),
    .init("Tests/FaultTests/ThreadTests.swift", "Task.sleep(", "what a while costs is what is tested"),
    .init("Tests/FaultTests/CrowdTests.swift", "Task.sleep(", "what a while costs is what is tested"),
    .init("clients/python/tests/test_plugin.py", "time.sleep(600)", "a run that hangs, to be killed"),
    // Limits that the program is given, and whose end the test waits for. Whoever works beside has sent its
    // frames whole and reads what little it is sent, so that no limit can meet it.
    .init("Tests/FaultTests/HostileTests.swift", "--half-frame-seconds", "200 peers are cut off by it"),
    .init("Tests/FaultTests/HostileTests.swift", "--stalled-write-seconds", "16 peers are cut off by it"),
    .init(
      "Tests/TallyClientTests/TransactionWatchTests.swift", "RetryPolicy(duration: .seconds(1))",
      "a silence outlasts it"),
    .init("clients/node/test/watch.test.js", "{ retryMs: 500 }", "retries that end"),
    .init("Tests/TallyClientTests/TallyClientTests.swift", "(.milliseconds(1), 1_000_000)", "a conversion"),
    .init("Tests/ConformanceTests/go/main.go", "50*time.Millisecond", "a deadline that passes"),
    .init(
      "Tests/Packages/Echo/Sources/Echo/Echo.swift", "shutdown(drainNan", "its connection is closed by then"),
    .init(
      ttrpc + "Conformance/InteropTests.swift", "timeoutNanoseconds: 20_000_000)", "a deadline that passes"),
    .init(
      ttrpc + "Conformance/TTRPCThemesTests.swift", "timeoutNanoseconds: 20_000_000)",
      "a deadline that passes"),
    // By the clock of the server under test, which the test moves on.
    .init(ttrpc + "Server/HostileTests.swift", "halfFrameNanoseconds = 100_000_000", "the test's own clock"),
    .init(ttrpc + "Server/ServerTests.swift", "idleNanoseconds = 50_000_000", "the test's own clock"),
    .init(ttrpc + "Support/TestServer.swift", "Task.sleep(for: .milliseconds(", "waits for a condition"),
    .init(ttrpc + "Support/RawClient.swift", "Task.sleep(for: .milliseconds(1))", "waits for the socket"),
    // Of scenarios: the end of each of these limits is what is expected, whenever it comes.
    .init(scenarios, #""request": {"millis": "600000"}, "timeoutMillis": 100"#, "a deadline that passes"),
    .init(scenarios, #""method": "Conformance/Chat", "timeoutMillis": 100"#, "a deadline that passes"),
    .init(scenarios, #""CreditService/Consume", "timeoutMillis": 100,"#, "a deadline that passes"),
    .init(scenarios, #""CreditService/Consume", "timeoutMillis": 1000,"#, "a deadline that passes"),
    .init(scenarios, #""CreditService/Consume", "timeoutMillis": 5000,"#, "a commit outlasts it"),
    .init(scenarios, #""clients": {"hasty": {"retryMillis": "#, "retries that end"),
  ]
  private static let ttrpc = "Tests/TTRPCTests/"
  private static let scenarios = "proto/vectors/scenarios/scenarios.json"

  /// These tests name what they look for.
  static let own = "Tests/TidyTests/"

  private static func isLookedAt(_ file: SourceFile) -> Bool {
    !file.path.hasPrefix(own)
  }

  private static func isExcused(_ path: String, _ line: Substring) -> Bool {
    exceptions.contains { $0.path == path && line.contains($0.text) }
  }

  @Test("no test has a limit of real time below 30 seconds, a pause, or a loop that waits without end")
  func text() {
    for file in Project.files where Self.isLookedAt(file) {
      let languages = PatienceRules.languages(of: file.path)
      guard !languages.isEmpty else { continue }
      for (number, line) in file.code where !Self.isExcused(file.path, line) {
        for found in PatienceRules.found(in: line, by: languages) {
          Issue.record("\(file.path):\(number): \(found.rule): \(found.text)")
        }
      }
    }
  }

  @Test("every exception still excuses something")
  func exceptions() {
    for exception in Self.exceptions {
      let file = Project.files.first { $0.path == exception.path }
      let languages = PatienceRules.languages(of: exception.path)
      let isUsed = file?.code.contains { _, line in
        line.contains(exception.text) && !PatienceRules.found(in: line, by: languages).isEmpty
      }
      #expect(isUsed == true, "\(exception.path): \(exception.text)")
    }
  }

  @Test(
    "a short limit, a pause and an endless loop are seen in every language",
    arguments: [
      ("Tests/A/B.swift", "guard start.duration(to: .now) < .seconds(29) else {", ".seconds(29)"),
      ("Tests/A/B.swift", "options: CallOptions(timeout: .milliseconds(20))", ".milliseconds(20)"),
      ("Tests/A/B.swift", "x(timeoutNanoseconds: 20_000_000_000)", "timeoutNanoseconds: 20_000_000_000"),
      ("Tests/A/B.swift", "options.halfFrameNanoseconds = 1_000", "halfFrameNanoseconds = 1_000"),
      ("bench/BenchTests/B.swift", "p.readLine(timeoutMilliseconds: 20_000)", "timeoutMilliseconds: 20_000"),
      ("Tests/A/B.swift", "flags: [\"--half-frame-seconds\", \"1\"]", "\"--half-frame-seconds\", \"1\""),
      ("Tests/A/B.swift", "try await Task.sleep(for: pause)", "sleep("),
      ("Tests/A/B.swift", "@Suite(\"A\", .timeLimit(.minutes(1)))", ".timeLimit("),
      ("Tests/A/B.swift", "while try await count() < 5 {}", "while try await count() < 5 {}"),
      ("clients/python/tests/a.py", "with Client(path, timeout=20) as client:", "timeout=20"),
      ("clients/python/tests/a.py", "PATIENCE = 20", "PATIENCE = 20"),
      ("clients/python/tests/a.py", "assert began.wait(20)", ".wait(20)"),
      ("clients/python/tests/a.py", "asyncio.wait_for(main(), 9.5)", "wait_for(main(), 9.5)"),
      ("clients/python/tests/a.py", "await asyncio.sleep(0.1)", "asyncio.sleep("),
      ("clients/node/test/a.js", "const PATIENCE_MS = 20_000", "PATIENCE_MS = 20_000"),
      ("Tests/A/a.go", "context.WithTimeout(ctx, 50*time.Millisecond)", "50*time.Millisecond"),
      ("Tests/A/a.go", "time.Sleep(pause)", "time.Sleep("),
      ("clients/node/test/a.js", "new Client(path, { retryMs: 50 })", "retryMs: 50"),
      ("clients/node/test/a.js", "await sleep(30)", "sleep("),
      ("clients/node/test/a.js", "signal: AbortSignal.timeout(20)", "AbortSignal.timeout("),
      ("proto/vectors/scenarios/s.json", "\"timeoutMillis\": 100, ", "\"timeoutMillis\": 100"),
    ])
  func seen(path: String, line: String, text: String) {
    #expect(PatienceRules.found(in: line[...], by: PatienceRules.languages(of: path)).map(\.text) == [text])
  }

  @Test(
    "limits that are long enough, no limits and driven clocks are left alone",
    arguments: [
      ("Tests/A/B.swift", "guard start.duration(to: .now) < .seconds(30) else {"),
      ("Tests/A/B.swift", "x(timeoutNanoseconds: Patience.nanoseconds, drainNanoseconds: 0)"),
      ("Tests/A/B.swift", "x(deadlineNanoseconds: 1)"),
      ("Tests/A/B.swift", "try await fixture.advanceClock(by: .seconds(1))"),
      ("Tests/A/B.swift", "RetryPolicy(firstDelay: .milliseconds(1), maximumDelay: .milliseconds(2))"),
      ("Tests/A/B.swift", "while try await stream.next() != nil {}"),
      ("Tests/A/B.swift", "try await Task.sleep(for: .seconds(3600))"),
      ("Sources/A/B.swift", "try await Task.sleep(for: .seconds(1))"),
      ("clients/python/tests/a.py", "Client(path, timeout=PATIENCE, retry_seconds=0)"),
      ("clients/python/tests/a.py", "await asyncio.sleep(0)"),
      ("clients/node/test/a.js", "new Client(path, { timeoutMs: PATIENCE_MS, retryMs: 0 })"),
      ("clients/node/test/a.js", "conformance.sleep({ millis: 1n })"),
      ("proto/vectors/scenarios/s.json", "\"millis\": \"10\", \"timeoutMillis\": 60000"),
    ])
  func leftAlone(path: String, line: String) {
    #expect(PatienceRules.found(in: line[...], by: PatienceRules.languages(of: path)) == [])
  }
}
