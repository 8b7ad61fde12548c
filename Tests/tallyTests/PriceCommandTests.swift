// `tally prices` against a server.

import TallyTestSupport
import TallyTesting
import Testing

@testable import tally

@Suite("Price commands")
struct PriceCommandTests {
  @Test("prices are put, listed by model, plan and time, and taken away")
  func prices() throws {
    let rig = try Rig()
    _ = try rig.output("plans", "put", "pro", "--credit", "20")
    let put = try rig.output("prices", "put", "gpt-x", "input=3", "output=15", "cache_read=0.30")
    #expect(put.contains("gpt-x") && put.contains("$15.00") && put.contains("$0.30"))
    _ = try rig.output("prices", "put", "gpt-x", "output=12", "--from", "2999-01-01")
    _ = try rig.output("prices", "put", "*", "request=500", "--plan", "pro")
    let all = try rig.output("prices", "list")
    #expect(all.contains("$15.00") && all.contains("$12.00") && all.contains("$500.00"))
    let later = try rig.output("prices", "list", "--model", "gpt-x", "--at", "2999-01-02")
    #expect(later.contains("$12.00") && !later.contains("$15.00") && later.contains("$3.00"))
    let ofPlan = try rig.output("prices", "list", "--plan", "pro")
    #expect(ofPlan.contains("$500.00") && !ofPlan.contains("gpt-x"))
    _ = try rig.output("prices", "put", "gpt-x", "cache_read=none")
    _ = try rig.output("credits", "purchase", "alice", "10", "--payment", "first")
    _ = try rig.output("usage", "begin", "alice", "r1", "--model", "gpt-x", "--type", "text")
    let ended = try rig.output("usage", "finish", "r1", "--input-tokens", "1000000")
    #expect(ended.contains("$3.00"), "\(ended)")
    #expect(rig.fixture.stop() == 0)
  }

  @Test("what cannot be a price is refused with what is expected")
  func forms() throws {
    let rig = try Rig()
    let bare = try rig.refusal("prices", "put", "gpt-x", "3", status: .usage)
    #expect(bare.contains("\"3\" is not a price such as input=3"), "\(bare)")
    let unknown = try rig.refusal("prices", "put", "gpt-x", "gold=3", status: .usage)
    #expect(unknown.contains("gold") && unknown.contains("cache_read"), "\(unknown)")
    let past = try rig.run("prices", "put", "gpt-x", "input=3")
    #expect(past.status == 0)
    let late = try rig.run("prices", "put", "gpt-x", "input=4", "--from", "2020-01-01")
    #expect(late.status == 1 && late.error.contains("must not be in the past"), "\(late.error)")
    #expect(rig.fixture.stop() == 0)
  }
}
