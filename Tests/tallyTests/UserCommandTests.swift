// `tally users`, against a server whose clock stands still.

import TallyProtoJSON
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
        known since  2030-01-15T12:00:00Z
        available    $5.00
        month        2030-01 UTC
        generations  0
        running      0
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

  @Test("users are listed by role, approval, plan and id, a page at a time")
  func listing() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    _ = try rig.output("users", "set", "team-1", "--role", "admin", "--approval", "approved")
    try await rig.fixture.advanceClock(by: .seconds(1))
    _ = try rig.output("users", "set", "team-2", "--approval", "rejected")
    try await rig.fixture.advanceClock(by: .seconds(1))
    _ = try rig.output("credits", "promo", "zoe", "3")
    #expect(
      try rig.output("users", "list") == """
        USER    ROLE   APPROVAL  PLAN  AVAILABLE  GENERATIONS  UPLOADS  PAGES  EMAIL
        zoe     user   pending   -         $3.00            0        0      0  -
        team-2  user   rejected  -         $0.00            0        0      0  -
        team-1  admin  approved  -         $0.00            0        0      0  -

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
