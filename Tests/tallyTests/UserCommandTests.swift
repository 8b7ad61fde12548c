// `tally users`, against a server whose clock stands still.

import TallyProtoJSON
import TallyTestSupport
import TallyTesting
import Testing

@testable import tally

@Suite("User commands")
struct UserCommandTests {
  @Test("settings are changed one by one, and shown with balance and usage")
  func settings() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    _ = try rig.output("plans", "put", "pro", "--credit", "$20", "--pages", "3")
    #expect(
      try rig.output("users", "set", "alice", "--plan", "pro", "--email", "alice@example.com") == """
        user         alice
        email        alice@example.com
        role         user
        plan         pro
        approval     pending
        state        active
        known since  2030-01-15T12:00:00Z

        """)
    _ = try rig.output("users", "set", "alice", "--approval", "approved")
    _ = try rig.output("credits", "purchase", "alice", "$5", "--payment", "p1")
    _ = try rig.output("pages", "create", "alice", "--id", "home")
    #expect(
      try rig.output("users", "show", "alice") == """
        user         alice
        email        alice@example.com
        role         user
        plan         pro
        approval     approved
        state        active
        known since  2030-01-15T12:00:00Z
        available    $5.00
        month        2030-01 UTC
        generations  0
        running      0
        cost         $0.00
        uploads      0
        pages        1 of 3
        resets       2030-02-01T00:00:00Z

        """)
    let json = try JSON.parse(rig.output("users", "show", "alice", "--json"))
    #expect(json["settings"]?["approval"] == .string("USER_APPROVAL_APPROVED"))
    #expect(json["balance"]?["availableMicros"] == .string("5000000"))
    // An id that begins like a known one is not known.
    #expect(try rig.refusal("users", "show", "ali").contains("there is no user ali;"))
    #expect(try rig.refusal("users", "set", "bob", "--plan", "gold").contains("'tally plans list'"))
    #expect(try !rig.output("users", "set", "alice", "--plan", "").contains("plan "))
    #expect(rig.fixture.stop() == 0)
  }

  @Test("a user is subscribed, suspended and unsubscribed, and other settings stay")
  func subscription() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    _ = try rig.output("plans", "put", "pro", "--credit", "20")
    _ = try rig.output("users", "set", "alice", "--role", "admin", "--email", "a@example.com")
    let subscribed = try rig.output("users", "subscribe", "alice", "pro", "--start", "2029-12-31")
    for line in [
      "email         a@example.com\n", "role          admin\n",
      "subscription  pro from 2029-12-31, automatic grants\n",
    ] {
      #expect(subscribed.contains(line), "\(subscribed)")
    }
    // The period that has begun is granted at once.
    #expect(try rig.output("users", "show", "alice").contains("available     $20.00\n"))
    #expect(
      try rig.output("users", "set", "alice", "--state", "suspended").contains("state         suspended\n"))
    let manual = try rig.output("users", "subscribe", "alice", "pro", "--start", "2030-01-31", "--manual")
    for line in ["state         suspended\n", "subscription  pro from 2030-01-31, manual grants\n"] {
      #expect(manual.contains(line), "\(manual)")
    }
    let refused = try rig.refusal("credits", "consume", "alice", "1")
    #expect(
      refused.contains("USER_SUSPENDED") && refused.contains("'tally users set USER --state active'"),
      "\(refused)")
    let ended = try rig.output("users", "unsubscribe", "alice")
    #expect(!ended.contains("subscription") && ended.contains("state        suspended\n"), "\(ended)")
    #expect(
      try rig.output("users", "set", "alice", "--state", "active").contains("state        active\n"))
    #expect(try rig.refusal("users", "unsubscribe", "bob").contains("USER_NOT_FOUND"))
    #expect(
      try rig.refusal("users", "subscribe", "bob", "gold", "--start", "2030-01-01").contains(
        "GRANT_NOT_FOUND"))
    for start in ["2030-01", "2030-02-30", "2030-01-15T00:00:00Z"] {
      _ = try rig.refusal("users", "subscribe", "bob", "pro", "--start", start, status: .usage)
    }
    #expect(rig.fixture.stop() == 0)
  }

  @Test("what another program changes while a setting is set is not put back")
  func meanwhile() async throws {
    let rig = try Rig()
    _ = try rig.output("plans", "put", "pro", "--credit", "20")
    _ = try rig.output("users", "subscribe", "alice", "pro", "--start", "2030-01-01", "--manual")
    try await rig.fixture.inject(.delay) {
      $0.method = "AdminService/PutUserSettings"
      $0.delayMillis = 60_000
      $0.count = 1
    }
    let setting = try ChildProcess(
      [Program.path, "users", "set", "alice", "--email", "a@example.com"],
      environment: Rig.clean(["TALLY_SOCKET": rig.fixture.socket]))
    try await eventually("it has read the settings") {
      try await rig.fixture.failures().first?.happened == 1
    }
    _ = try rig.output("users", "set", "alice", "--state", "suspended")
    _ = try rig.output("users", "unsubscribe", "alice")
    // Which lets it go on.
    try await rig.fixture.clearFailures()
    #expect(setting.wait() == 0)
    let shown = try rig.output("users", "show", "alice")
    #expect(shown.contains("suspended\n") && !shown.contains("subscription"), "\(shown)")
    #expect(rig.fixture.stop() == 0)
  }

  @Test("users are listed by role, approval, plan and id, a page at a time")
  func listing() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    _ = try rig.output("users", "set", "team-1", "--role", "admin", "--approval", "approved")
    try await rig.fixture.advanceClock(by: .seconds(1))
    _ = try rig.output("users", "set", "team-2", "--approval", "rejected", "--state", "suspended")
    try await rig.fixture.advanceClock(by: .seconds(1))
    _ = try rig.output("credits", "promo", "zoe", "3")
    #expect(
      try rig.output("users", "list") == """
        USER    ROLE   APPROVAL  STATE      PLAN  AVAILABLE   OWED   COST  GENERATIONS  UPLOADS  PAGES  EMAIL
        zoe     user   pending   active     -         $3.00  $0.00  $0.00            0        0      0  -
        team-2  user   rejected  suspended  -         $0.00  $0.00  $0.00            0        0      0  -
        team-1  admin  approved  active     -         $0.00  $0.00  $0.00            0        0      0  -

        """)
    func names(_ arguments: String...) throws -> [Substring] {
      let environment = ["TALLY_SOCKET": rig.fixture.socket]
      let result = try Rig.run(["users", "list"] + arguments, environment: environment)
      #expect(result.status == 0, "\(result.error)")
      return result.output.split(separator: "\n").dropFirst().map { $0.prefix { $0 != " " } }
    }
    #expect(try names("--role", "admin") == ["team-1"])
    #expect(try names("--approval", "rejected") == ["team-2"])
    #expect(try names("--sort", "oldest") == ["team-1", "team-2", "zoe"])
    #expect(try names("--sort", "id", "--prefix", "team-") == ["team-1", "team-2"])
    let page = try rig.output("users", "list", "--limit", "2")
    let cursor = try #require(page.split(separator: "\n").last?.split(separator: " ").last)
    #expect(try names("--limit", "2", "--cursor", String(cursor)) == ["team-1"])
    for (user, cost) in [("zoe", "0.5"), ("team-2", "0.75")] {
      _ = try rig.output(
        "usage", "record", user, "r-\(user)", "--model", "m", "--type", "text", "--cost", cost)
    }
    #expect(try names("--sort", "spent") == ["team-2", "zoe"])
    #expect(try names("--sort", "owed") == [])
    _ = try rig.output("plans", "put", "free", "--credit", "1", "--on-short", "collect", "--default")
    _ = try rig.output("users", "set", "team-2", "--state", "active")
    for (user, cost) in [("team-1", "0.25"), ("team-2", "0.5")] {
      _ = try rig.output("usage", "begin", user, "o-\(user)", "--model", "m", "--type", "text")
      _ = try rig.output("usage", "finish", "o-\(user)", "--cost", cost)
    }
    #expect(try names("--sort", "owed") == ["team-2", "team-1"])
    #expect(try names("--sort", "newest") == ["zoe", "team-2", "team-1"])
    _ = try rig.refusal("users", "list", "--prefix", "a", status: .usage)
    _ = try rig.refusal("users", "set", "zoe", status: .usage)
    #expect(rig.fixture.stop() == 0)
  }

  @Test("limits on calls are set, listed, felt and taken away")
  func limits() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    #expect(
      try rig.output("users", "limit", "alice", "--per-second", "1") == """
        CALLS OF    A SECOND  AT ONCE
        user alice         1        1

        """)
    _ = try rig.output("users", "limit", "--every-uid", "--per-second", "100000", "--burst", "200000")
    let listed = try rig.output("users", "limits")
    #expect(listed.contains("user alice") && listed.contains("every uid    100,000  200,000"), "\(listed)")
    #expect(try rig.output("users", "limit", "alice", "--none").contains("no limit"))
    #expect(try !rig.output("users", "limits").contains("alice"))
    for arguments in [
      ["users", "limit", "--per-second", "1"], ["users", "limit", "a", "--uid", "1", "--per-second", "1"],
      ["users", "limit", "a"], ["users", "limit", "a", "--per-second", "0"],
      ["users", "limit", "a", "--per-second", "1", "--none"],
    ] {
      let result = try Rig.run(arguments, environment: ["TALLY_SOCKET": rig.fixture.socket])
      #expect(result.status == tally.ExitStatus.usage.rawValue, "\(arguments): \(result.error)")
    }
    #expect(rig.fixture.stop() == 0)
  }
}
