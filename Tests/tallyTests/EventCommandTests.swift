// `tally alerts` and `tally events`, against a server whose clock stands still.

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
}
