// What becomes of a command whose server or reply is lost: it is made again, and who gives up learns the key.

import Glibc
import TallyClient
import TallyMessages
import TallyProtoJSON
import TallyTestSupport
import TallyTesting
import Testing

@testable import tally

@Suite("Commands that are made again")
struct RetryTests {
  private static func key(in text: String) -> String? {
    guard let start = text.firstRange(of: "--key ")?.upperBound else { return nil }
    return String(text[start...].prefix { $0.isHexDigit || $0 == "-" })
  }

  @Test("a charge whose reply was lost is made again by the command itself, and once")
  func lostReply() async throws {
    let rig = try Rig()
    _ = try rig.output("credits", "purchase", "alice", "10", "--payment", "p1")
    try await rig.fixture.inject(.dropAfter) {
      $0.method = "CreditService/Consume"
      $0.count = 1
    }
    let charged = try rig.output("credits", "consume", "alice", "1.25")
    #expect(charged.contains("-$1.25") && charged.contains("(replayed)"), "\(charged)")
    #expect(try rig.output("credits", "balance", "alice").contains("$8.75"))
    #expect(rig.fixture.stop() == 0)
  }

  @Test("a charge whose outcome stays unknown tells its key, and the same key finds out")
  func toldKey() async throws {
    let rig = try Rig()
    _ = try rig.output("credits", "purchase", "alice", "10", "--payment", "p1")
    try await rig.fixture.inject(.dropAfter) {
      $0.method = "CreditService/Consume"
      $0.count = 1_000
    }
    let lost = try rig.refusal("credits", "consume", "alice", "1.25", status: .unavailable)
    let key = try #require(Self.key(in: lost), "\(lost)")
    try await rig.fixture.clearFailures()
    #expect(try rig.output("credits", "consume", "alice", "1.25", "--key", key).contains("(replayed)"))
    #expect(try rig.output("credits", "balance", "alice").contains("$8.75"))
    #expect(rig.fixture.stop() == 0)
  }

  @Test("a deadline that passes has a status of its own, and tells the key that was made")
  func deadline() async throws {
    let rig = try Rig()
    try await rig.fixture.inject(.delay) {
      $0.method = "CreditService/GrantPromo"
      $0.delayMillis = 30_000
      $0.count = 10
    }
    let late = try rig.refusal("credits", "promo", "alice", "1", "--timeout", "1", status: .timedOut)
    #expect(late.contains("DEADLINE_EXCEEDED"), "\(late)")
    let json = try JSON.parse(
      try rig.refusal("credits", "promo", "alice", "1", "--timeout", "1", "--json", status: .timedOut))
    if json["outcome"] == .string("UNKNOWN") {
      #expect(Self.key(in: late)?.count == 36, "\(late)")
      guard case .string(let key)? = json["idempotencyKey"] else {
        Issue.record("no key in \(json.compact)")
        return
      }
      #expect(key.count == 36)
    }
    let call = try rig.refusal(
      "call", "tallystick.testing.v1.Conformance/Sleep", #"{"millis":"30000"}"#, "--timeout", "1",
      status: .timedOut)
    #expect(call.contains("DEADLINE_EXCEEDED"), "\(call)")
    #expect(rig.fixture.stop() == 0)
  }

  @Test("Control-C during a charge tells the key that was made")
  func interrupted() async throws {
    let rig = try Rig()
    try await rig.fixture.inject(.delay) {
      $0.method = "CreditService/GrantPromo"
      $0.delayMillis = 60_000
    }
    let process = try ChildProcess(
      [Program.path, "credits", "promo", "alice", "1"],
      environment: Rig.clean(["TALLY_SOCKET": rig.fixture.socket]))
    try await eventually("the call arrives") {
      try rig.output("metrics", "--prometheus").split(separator: "\n").contains {
        $0.hasPrefix("tallystick_calls_in_flight") && $0.contains("\"GrantPromo\"") && $0.hasSuffix(" 1")
      }
    }
    process.send(signal: SIGINT)
    let (_, error) = process.readToEnd()
    #expect(process.wait() == 128 + SIGINT)
    #expect(Self.key(in: error)?.count == 36, "\(error)")
    _ = rig.fixture.stop()
  }

  @Test("only what is harmless twice is made again when it may have been applied")
  func harmless() {
    var create = TallystickV1.CreatePageRequest()
    #expect(!create.isHarmlessTwice)
    create.pageId = "home"
    #expect(create.isHarmlessTwice)
    #expect(TallystickV1.ConsumeRequest().isHarmlessTwice)
    #expect(TallystickV1.FinishRunRequest().isHarmlessTwice)
    #expect(!TallystickV1.PublishRequest().isHarmlessTwice)
    #expect(!TallystickV1.DeletePageRequest().isHarmlessTwice)
    let lost = TallyError(.unavailable, reason: "CONNECTION_LOST", "lost", outcome: .unknown)
    for (request, isRepeated) in [
      (TallystickV1.ReleaseRequest() as any Message, true), (TallystickV1.PublishRequest(), false),
    ] {
      var persistence = Persistence()
      let pause = persistence.pause(after: lost, to: request, isFirst: true, timeout: nil)
      #expect((pause != nil) == isRepeated)
    }
    // Once more even when the first attempt took longer than all of them together should.
    var late = Persistence(start: .now - .seconds(60))
    let keyed = TallystickV1.ReleaseRequest()
    #expect(late.pause(after: lost, to: keyed, isFirst: true, timeout: nil) != nil)
    #expect(late.pause(after: lost, to: keyed, isFirst: false, timeout: nil) == nil)
    var persistence = Persistence()
    let absent = TallyError(.unavailable, reason: "NOT_CONNECTED", "no server")
    let request = TallystickV1.ReleaseRequest()
    #expect(persistence.pause(after: absent, to: request, isFirst: true, timeout: nil) == nil)
    #expect(persistence.pause(after: absent, to: request, isFirst: false, timeout: nil) != nil)
  }

  @Test("the rule of what may be sent twice is the one that the clients follow")
  func sameRule() throws {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let path = "/\(root)/scripts/generator/semantics.py"
    let rule = try #require(try System.text(ofFile: path, limit: 1 << 20))
    let list = RepeatableMethods.prefixes.joined(separator: "|")
    #expect(rule.contains("r\"^(\(list))\""), "\(list)")
  }

  @Test("a replay says that its balance is the one of then")
  func replay() throws {
    let rig = try Rig()
    _ = try rig.output("credits", "purchase", "alice", "10", "--payment", "p1")
    _ = try rig.output("credits", "consume", "alice", "1", "--key", "k")
    _ = try rig.output("credits", "consume", "alice", "4")
    let replayed = try rig.output("credits", "consume", "alice", "1", "--key", "k")
    #expect(replayed.contains("$9.00 (after it, then"), "\(replayed)")
    #expect(rig.fixture.stop() == 0)
  }

  @Test("a payment or an event that comes again with another amount is named, and no key that nobody gave")
  func paymentAgain() throws {
    let rig = try Rig()
    _ = try rig.output("credits", "purchase", "alice", "10", "--payment", "pi_1")
    let refused = try rig.refusal("credits", "purchase", "alice", "20", "--payment", "pi_1")
    #expect(refused.contains("the payment pi_1 was already booked"), "\(refused)")
    #expect(!refused.contains(" key "), "\(refused)")
    #expect(refused.contains("tally credits show txn-"), "\(refused)")
    _ = try rig.output("credits", "reverse", "pi_1", "--event", "re_1", "--amount", "2")
    for command in ["reverse", "reinstate"] {
      let refused = try rig.refusal("credits", command, "pi_1", "--event", "re_1", "--amount", "1")
      #expect(refused.contains("the event re_1 was already booked"), "\(refused)")
      #expect(!refused.contains(" key ") && refused.contains("a different event"), "\(refused)")
    }
    _ = try rig.output("credits", "consume", "alice", "1", "--key", "k")
    let mismatch = try rig.refusal("credits", "consume", "alice", "2", "--key", "k")
    #expect(
      mismatch.contains("tally credits show txn-") && mismatch.contains("a different key"), "\(mismatch)")
    #expect(rig.fixture.stop() == 0)
  }
}
