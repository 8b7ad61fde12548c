// `tally usage` and `tally plans`, against a server whose clock stands still.

import TallyProtoJSON
import TallyTesting
import Testing

@testable import tally

@Suite("Usage commands")
struct UsageCommandTests {
  @Test("a run is begun, shown, finished and listed, in dollars")
  func lifeOfARun() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    _ = try rig.output("credits", "purchase", "alice", "$10", "--payment", "p1")
    let begin = [
      "usage", "begin", "alice", "run-7", "--model", "gpt-x", "--type", "text", "--estimate", "0.50",
    ]
    let environment = ["TALLY_SOCKET": rig.fixture.socket]
    let begun = try Rig.run(begin, environment: environment)
    #expect(begun.status == 0, "\(begun.error)")
    for line in [
      "run        run-7\n", "user       alice\n", "model      gpt-x (text)\n", "status     running\n",
      "held       $0.50\n", "expires    2030-01-15T12:15:00Z\n", "started    2030-01-15T12:00:00Z\n",
      "available  $9.50\n",
    ] {
      #expect(begun.output.contains(line), "\(begun.output)")
    }
    #expect(try Rig.run(begin, environment: environment).output.contains("run-7 (replayed)\n"))
    let finish = [
      "usage", "finish", "run-7", "--input-tokens", "1200", "--output-tokens", "350", "--cost", "$0.12",
    ]
    let finished = try Rig.run(finish, environment: environment)
    #expect(
      finished.output == """
        run        run-7
        user       alice
        model      gpt-x (text)
        status     succeeded
        cost       $0.12
        charged    $0.12
        tokens     1,200 in, 350 out
        started    2030-01-15T12:00:00Z
        finished   2030-01-15T12:00:00Z
        available  $9.88

        """, "\(finished.error)")
    #expect(try Rig.run(finish, environment: environment).output.contains("(replayed)"))
    let conflict = try rig.refusal("usage", "finish", "run-7", "--status", "failed")
    #expect(conflict.contains("RUN_CONFLICT") && conflict.contains("'tally usage show'"), "\(conflict)")
    #expect(try rig.output("usage", "show", "run-7").contains("charged   $0.12\n"))
    #expect(
      try rig.output("usage", "runs", "alice", "--status", "succeeded") == """
        STARTED               RUN    MODEL  TYPE  STATUS      COST  TOKENS IN  TOKENS OUT  IMAGES  ERROR
        2030-01-15T12:00:00Z  run-7  gpt-x  text  succeeded  $0.12      1,200         350       0

        """)
    #expect(try rig.output("usage", "runs", "alice", "--status", "running").split(separator: "\n").count == 1)
    #expect(try rig.refusal("usage", "show", "nothing").contains("RUN_NOT_FOUND"))
    #expect(rig.fixture.stop() == 0)
  }

  @Test("a recorded run is counted and never charged, and an old one is refused with its limit")
  func recorded() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    let recorded = try rig.output(
      "usage", "record", "bob", "r1", "--model", "pix", "--type", "image", "--images", "2", "--cost", "0.08",
      "--started", "2030-01-14T23:30:00Z")
    #expect(recorded.contains("status    succeeded (recorded, not charged)\n"), "\(recorded)")
    #expect(recorded.contains("images    2\n"))
    #expect(try rig.output("credits", "balance", "bob").contains("$0.00"))
    let old = try rig.refusal(
      "usage", "record", "bob", "r2", "--model", "pix", "--type", "image", "--cost", "0", "--started",
      "2029-12-11")
    #expect(old.contains("EVENT_TOO_OLD"), "\(old)")
    #expect(old.contains("oldest 2029-12-11T12:00:00Z"), "\(old)")
    let json = try JSON.parse(rig.output("usage", "runs", "bob", "--json"))
    guard case .array(let runs)? = json["runs"] else {
      Issue.record("no runs in \(json.compact)")
      return
    }
    #expect(runs.count == 1)
    #expect(runs.first?["costMicros"] == .string("80000"))
    #expect(runs.first?["recorded"] == .bool(true))
    #expect(rig.fixture.stop() == 0)
  }

  @Test("a plan's limits hold, and the month shows what is left of them")
  func quotas() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    let plan = try rig.output(
      "plans", "put", "pro", "--credit", "$20", "--generations", "1", "--uploads", "5", "--time-zone",
      "Europe/Berlin", "--price", "gpt-x=3,15,0.04", "--price", "*=0.5,1,0")
    #expect(
      plan == """
        PLAN  NAME  MONTHLY  EXPIRES     PRIORITY  GENERATIONS  UPLOADS  PAGES  ON SHORT  ROLLOVER  \
        DEFAULT  CANCELLED  TAGS  ZONE           PRICES
        pro          $20.00  period-end        10            1        5      -  forgive          -  \
        -        reported   -     Europe/Berlin  \
        *=$0.50,$1.00,$0.00 gpt-x=$3.00,$15.00,$0.04

        """)
    _ = try rig.output("users", "set", "alice", "--plan", "pro")
    #expect(
      try rig.output("usage", "quota", "alice", "generations") == """
        generations  0 of 1
        one more     allowed
        resets       2030-01-31T23:00:00Z

        """)
    _ = try rig.output("usage", "begin", "alice", "r1", "--model", "gpt-x", "--type", "text")
    // 1,000 x 3 + 100 x 15 per million, by the plan's price.
    _ = try rig.output("credits", "purchase", "alice", "$1", "--payment", "p1")
    let finished = try rig.output(
      "usage", "finish", "r1", "--input-tokens", "1000", "--output-tokens", "100")
    #expect(finished.contains("cost       $0.0045\n"), "\(finished)")
    let refused = try rig.refusal("usage", "begin", "alice", "r2", "--model", "gpt-x", "--type", "text")
    #expect(refused.contains("QUOTA_EXCEEDED"), "\(refused)")
    for part in ["limit 1", "GENERATIONS", "used 1", "resets_at 2030-01-31T23:00:00Z", "usage month"] {
      #expect(refused.contains(part), "\(refused)")
    }
    #expect(
      try rig.output("usage", "quota", "alice").contains("one more     not allowed: the limit is reached\n"))
    #expect(
      try rig.output("usage", "month", "alice", "bob") == """
        USER   MONTH                  PLAN  GENERATIONS  RUNNING     COST  UPLOADS  PAGES  RESETS
        alice  2030-01 Europe/Berlin  pro        1 of 1        0  $0.0045   0 of 5      0  \
        2030-01-31T23:00:00Z
        bob    2030-01 UTC            -               0        0  $0.00          0      0  \
        2030-02-01T00:00:00Z

        """)
    let json = try JSON.parse(rig.output("usage", "month", "alice", "--month", "2029-12", "--json"))
    guard case .array(let usages)? = json["usages"] else { return }
    #expect(usages.first?["generations"] == .string("0"))
    #expect(usages.first?["limits"]?["monthlyGenerations"] == .string("1"))
    #expect(rig.fixture.stop() == 0)
  }

  @Test("what a user may not spend for has its cause in the quota, before the limit")
  func causes() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    _ = try rig.output("plans", "put", "pro", "--credit", "20", "--on-short", "block")
    _ = try rig.output("users", "set", "alice", "--plan", "pro")
    _ = try rig.output("usage", "begin", "alice", "r1", "--model", "m", "--type", "text")
    let finished = try rig.output("usage", "finish", "r1", "--cost", "0.30")
    for line in ["not charged  $0.30\n", "became owed  $0.30\n"] {
      #expect(finished.contains(line), "\(finished)")
    }
    let quota = "one more     not allowed: what the user owes must be paid first\n"
    #expect(try rig.output("usage", "quota", "alice").contains(quota))
    let due = try rig.refusal("usage", "begin", "alice", "r2", "--model", "m", "--type", "text")
    #expect(due.contains("PAYMENT_DUE") && due.contains("owed $0.30") && due.contains("forgive"), "\(due)")
    _ = try rig.output("users", "set", "alice", "--state", "suspended")
    #expect(
      try rig.output("usage", "quota", "alice").contains("one more     not allowed: the user is suspended\n"))
    #expect(rig.fixture.stop() == 0)
  }

  @Test("of a plan, the default mark, the rollover and what follows a shortfall stay unless they are named")
  func planOptions() throws {
    let rig = try Rig()
    /// The words of on short, rollover and default.
    func put(_ more: String...) throws -> [Substring] {
      let arguments = ["plans", "put", "pro", "--credit", "20"] + more
      let result = try Rig.run(arguments, environment: ["TALLY_SOCKET": rig.fixture.socket])
      #expect(result.status == 0, "\(result.error)")
      let words = result.output.split(separator: "\n").last?.split(separator: " ") ?? []
      return Array(words.dropFirst(words.firstIndex { $0 == "-" }.map { $0 + 3 } ?? 0).prefix(3))
    }
    #expect(
      try put("--on-short", "collect", "--rollover", "5.5", "--default") == ["collect", "$5.50", "default"])
    #expect(try put("--name", "Pro") == ["collect", "$5.50", "default"])
    #expect(try put("--on-short", "block") == ["block", "$5.50", "default"])
    #expect(try put("--rollover", "none", "--no-default") == ["block", "-", "-"])
    #expect(try put("--rollover", "7") == ["block", "$7.00", "-"])
    #expect(try put("--rollover", "0") == ["block", "-", "-"])
    let refused = try rig.refusal(
      "plans", "put", "p", "--credit", "1", "--rollover", "1", "--expires", "never")
    #expect(refused.contains("INVALID_FIELD"), "\(refused)")
    _ = try rig.refusal("plans", "put", "p", "--credit", "1", "--on-short", "ask", status: .usage)
    #expect(rig.fixture.stop() == 0)
  }

  @Test("malformed prices, amounts and words are refused before anything is sent")
  func malformed() throws {
    for arguments in [
      ["plans", "put", "p", "--credit", "1", "--price", "gpt-x=1,2"],
      ["plans", "put", "p", "--credit", "1", "--price", "=1,2,3"],
      ["plans", "put", "p", "--credit", "1", "--price", "gpt-x=1,2,one"],
      ["usage", "finish", "r", "--cost", "0.0000001"], ["usage", "finish", "r", "--status", "running"],
      ["usage", "runs", "a", "--status", "done"], ["usage", "runs", "a", "--from", "yesterday"],
      ["usage", "quota", "a", "credits"], ["usage", "begin", "a", "r", "--model", "m"],
    ] {
      let result = try Rig.run(arguments, environment: ["TALLY_SOCKET": "/nonexistent/tally.sock"])
      #expect(result.status == tally.ExitStatus.usage.rawValue, "\(arguments): \(result.error)")
    }
  }

  @Test("a price is read as it is written")
  func prices() throws {
    let price = try Prices.parse("a=b=0.25,1.25,0.04", isMicros: false)
    #expect(price.model == "a=b")
    #expect(Prices.format(price) == "a=b=$0.25,$1.25,$0.04")
    let any = try Prices.parse("*=1,2,3", isMicros: true)
    #expect((any.model, any.inputMicrosPerMillion, any.imageMicros) == ("", 1, 3))
  }
}
