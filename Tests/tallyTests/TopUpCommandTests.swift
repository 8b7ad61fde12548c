// `tally topups`, against a server whose clock stands still.

import TallyProtoJSON
import TallyTestSupport
import TallyTesting
import Testing

@testable import tally

@Suite("Top-up commands")
struct TopUpCommandTests {
  @Test("a setting is put and shown, its intent is taken, fails, is paid for and listed")
  func topUps() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    #expect(try rig.output("topups", "show", "alice").contains("nothing is topped up for alice"))
    let put = try rig.output(
      "topups", "put", "alice", "--below", "5", "--target", "20", "--cap", "100", "--cap-count", "8",
      "--cooldown", "3600")
    #expect(put.contains("$5.00") && put.contains("$100.00, 8") && put.contains("intent-1"), "\(put)")
    #expect(put.contains("3600 s"))
    #expect(try rig.output("topups", "take", "w").contains("leased to w until"))
    #expect(try rig.output("topups", "take", "x").contains("no intent is due"))
    let failed = try rig.output("topups", "fail", "intent-1", "w", "--message", "card declined")
    #expect(failed.contains("failed 1 times: card declined") && failed.contains("due "), "\(failed)")
    _ = try rig.output("credits", "purchase", "alice", "20", "--payment", "first", "--intent", "intent-1")
    #expect(try rig.output("topups", "list", "--state", "closed").contains("by txn-1"))
    #expect(try rig.output("events", "alice").contains("intent-1 of $20.00: closed"))
    _ = try rig.output("topups", "put", "bob", "--below", "1000000", "--target", "2000000", "--micros")
    #expect(try rig.output("topups", "cancel", "intent-2").contains("cancelled"))
    #expect(try rig.output("topups", "put", "bob", "--below", "1", "--target", "2", "--off").contains("off"))
    let json = try JSON.parse(rig.output("topups", "list", "alice", "--json"))
    guard case .array(let listed)? = json["intents"] else {
      Issue.record("\(json)")
      return
    }
    #expect(listed.first?["amountMicros"] == .string("20000000"))
    #expect(rig.fixture.stop() == 0)
  }
}
