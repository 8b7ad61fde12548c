// `tally alerts` and `tally events`, against a server whose clock stands still.

import Glibc
import TallyProtoJSON
import TallyTestSupport
import TallyTesting
import Testing

@testable import tally

@Suite("Event commands")
struct EventCommandTests {
  @Test("a rule is put, listed and deleted, and what crossed its line is shown")
  func alerts() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    let put = try rig.output("alerts", "put", "low", "--every-user", "--balance-below", "5")
    #expect(put.contains("available below $5.00") && put.contains("every user"))
    _ = try rig.output("alerts", "put", "owes", "--user", "bob", "--owed-above", "250000", "--micros")
    #expect(try rig.output("alerts", "list").contains("owed above $0.25"))
    _ = try rig.output("credits", "purchase", "alice", "10", "--payment", "first")
    _ = try rig.output("credits", "consume", "alice", "6")
    #expect(
      try rig.output("alerts", "put", "used", "--every-user", "--pages-at", "80").contains("pages at 80 %"))
    #expect(
      try rig.output("alerts", "put", "near", "--user", "bo", "--cap-at", "80").contains("a cap at 80 %"))
    _ = try rig.output("caps", "put", "bo", "--cap", "daily=money,day,10")
    _ = try rig.output("credits", "purchase", "bo", "10", "--payment", "bo")
    _ = try rig.output("credits", "consume", "bo", "8.50")
    let near = try rig.output("events", "bo")
    #expect(
      near.contains("cap_at") && near.contains("$8.50 used of cap daily=money,day,$10.00, line 80 %"),
      "\(near)")
    let soon = try rig.output("alerts", "put", "soon", "--user", "carol", "--credit-expires-within", "7d")
    #expect(soon.contains("credit expires within 7d") && soon.contains("user carol"))
    _ = try rig.output("credits", "promo", "carol", "2", "--expires", "2030-01-20")
    let carols = try rig.output("events", "carol", "--kind", "credit_expires")
    #expect(carols.contains("soon") && carols.contains("$2.00 of "), "\(carols)")
    #expect(carols.contains(" expires 2030-01-20"))
    #expect(
      try rig.refusal("alerts", "put", "soon", "--every-user", "--credit-expires-within", "59m")
        .contains("must be from 1h to 366d"))
    let events = try rig.output("events", "alice")
    #expect(events.contains("balance_below") && events.contains("$10.00 to $4.00"), "\(events)")
    let json = try JSON.parse(rig.output("events", "alice", "--kind", "balance_below", "--json"))
    guard case .array(let listed)? = json["events"] else {
      Issue.record("\(json)")
      return
    }
    #expect(listed.first?["thresholdMicros"] == .string("5000000"))
    #expect(try rig.output("alerts", "delete", "low").contains("deleted low"))
    #expect(try rig.output("alerts", "delete", "low").contains("there is no rule low"))
    #expect(rig.fixture.stop() == 0)
  }

  @Test("events are followed, those of all users or of one, from after one that is named")
  func follow() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    func start(_ arguments: String...) throws -> ChildProcess {
      try ChildProcess(
        [Program.path, "events", "--follow"] + arguments,
        environment: Rig.clean(["TALLY_SOCKET": rig.fixture.socket]))
    }
    _ = try rig.output("alerts", "put", "low", "--every-user", "--balance-below", "5")
    for user in ["alice", "bob"] {
      _ = try rig.output("credits", "purchase", user, "10", "--payment", user)
      _ = try rig.output("credits", "consume", user, "6")
    }
    let all = try start("--after", "0")
    let line = try #require(Rig.line(all))
    #expect(line.hasPrefix("2030-01-15T12:00:00Z  1  alice  balance_below low  $10.00 to $4.00"), "\(line)")
    #expect(Rig.line(all)?.contains("  2  bob  ") == true)
    let own = try start("bob", "--after", "0", "--json")
    #expect(try JSON.parse(try #require(Rig.line(own)))["eventId"] == .string("2"))
    _ = try rig.output("topups", "put", "bob", "--below", "5", "--target", "20")
    #expect(Rig.line(all)?.contains("  3  bob  top_up_intent  intent-1 of $16.00: open") == true)
    #expect(try JSON.parse(try #require(Rig.line(own)))["eventId"] == .string("3"))
    #expect(all.end(signal: SIGINT) != 0 && own.end(signal: SIGINT) != 0)
    #expect(try rig.refusal("events", "--follow", "--after", "9").contains("INVALID_FIELD"))
    for wrong in [
      ["events"], ["events", "--follow", "--kind", "owed"], ["events", "alice", "--after", "1"],
    ] {
      #expect(try Rig.run(wrong, environment: ["TALLY_SOCKET": rig.fixture.socket]).status == 64)
    }
    #expect(rig.fixture.stop() == 0)
  }
}
