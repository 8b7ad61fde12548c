// `tally caps`, and caps of plans, against a server.

import TallyTestSupport
import TallyTesting
import Testing

@testable import tally

@Suite("Cap commands")
struct CapCommandTests {
  @Test("caps of a user, of a spender and of a plan are put, listed and taken away")
  func caps() async throws {
    let rig = try Rig()
    let put = try rig.output("caps", "put", "alice", "--cap", "daily=money,day,5")
    #expect(put.contains("daily") && put.contains("$5.00"))
    let bot = try rig.output(
      "caps", "put", "alice", "--spender", "bot", "--cap", "burst=generations,24h,20,gpt-x,image", "--cap",
      "off=money,month,none")
    #expect(bot.contains("24h") && bot.contains("gpt-x") && bot.contains("none"))
    let list = try rig.output("caps", "list", "alice")
    #expect(list.contains("daily") && list.contains("bot"))
    _ = try rig.output("credits", "purchase", "alice", "10", "--payment", "first")
    _ = try rig.output("credits", "consume", "alice", "1.25")
    let used = try rig.output("usage", "caps", "alice")
    #expect(used.contains("daily") && used.contains("$1.25") && used.contains("$5.00"))
    #expect(try rig.output("usage", "caps", "alice", "--spender", "bot").contains("burst"))
    try quota(rig)
    let refused = try rig.run("credits", "consume", "alice", "4")
    #expect(refused.status == 1 && refused.error.contains("tally usage caps"))
    let window = try rig.refusal("caps", "put", "alice", "--cap", "a=money,fortnight,5", status: .usage)
    #expect(
      window.contains("not one of hour, day, week, month, or a number of hours such as 24h"), "\(window)")
    _ = try rig.output("caps", "put", "alice")
    #expect(!(try rig.output("caps", "list", "alice")).contains("daily"))
    let plan = try rig.output(
      "plans", "put", "pro", "--credit", "20", "--cap", "week=money,week,7", "--spender-cap",
      "h=generations,hour,3")
    #expect(plan.contains("week=money,week,$7.00") && plan.contains("h=generations,hour,3"))
    #expect(try rig.output("plans", "put", "pro", "--credit", "21").contains("week=money,week,$7.00"))
    let none = try rig.output("plans", "put", "pro", "--credit", "20", "--cap", "none")
    #expect(!none.contains("week=") && none.contains("h=generations"))
    #expect(rig.fixture.stop() == 0)
  }

  /// Advice about the caps of a spender, for the runs that they count.
  private func quota(_ rig: Rig) throws {
    _ = try rig.output(
      "caps", "put", "alice", "--spender", "full", "--cap", "none=generations,day,0,gpt-x,image")
    func advice(_ more: String...) throws -> Bool {
      let arguments = ["usage", "quota", "alice", "generations"] + more
      let result = try Rig.run(arguments, environment: ["TALLY_SOCKET": rig.fixture.socket])
      #expect(result.status == 0, "\(result.error)")
      return result.output.contains("not allowed: a cap leaves no room; 'tally usage caps' shows which\n")
    }
    #expect(try advice("--spender", "full", "--model", "gpt-x", "--type", "image"))
    #expect(try !advice("--spender", "full", "--model", "gpt-x", "--type", "text"))
    #expect(try !advice("--spender", "full", "--model", "other", "--type", "image"))
    #expect(try !advice("--model", "gpt-x", "--type", "image"))
    _ = try rig.refusal("usage", "quota", "alice", "pages", "--spender", "full", status: .usage)
  }

  @Test(
    "a cap that cannot be read is refused with its form",
    arguments: ["day", "day=money,day", "day=gold,day,1", "day=money,year,1", "n=generations,day,1.5"])
  func forms(_ text: String) {
    #expect(throws: Failure.self) { try Caps.parse(text, isMicros: false) }
  }

  @Test(
    "a limit that no cap can have is refused in what was typed, with the limit that there is",
    arguments: [
      ("d=money,day,0.0000001", false, "at most 6 decimal places and at most $1,000,000,000,000.00"),
      ("d=money,day,2000000000000", false, "is too much: an amount is at most $1,000,000,000,000.00"),
      ("d=money,day,9999999999999", false, "at most $1,000,000,000,000.00"),
      ("d=money,day,-5", false, "a cap is from 0 to $1,000,000,000,000.00, not -5"),
      ("d=money,day,-5", true, "a cap is from 0 to 1000000000000000000 micro-USD, not -5"),
    ])
  func limits(_ text: String, isMicros: Bool, message: String) {
    #expect {
      try Caps.parse(text, isMicros: isMicros)
    } throws: {
      "\($0)".contains(message)
    }
  }
}
