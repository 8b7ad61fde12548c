// What people read: texts as they are, the next step after a refusal, limits by name.

import TTRPC
import TallyClient
import TallyMessages
import TallyTesting
import Testing

@testable import tally

@Suite("Plain text")
struct PlainTextTests {
  @Test("quotes and backslashes stand as they are, control characters are escaped")
  func escapes() async throws {
    let rig = try Rig()
    let title = #"Say "hi" \ ok"#
    let made = try rig.output("pages", "create", "alice", "--id", "q1", "--title", title + "\u{1B}\n")
    #expect(made.contains(#"title      Say "hi" \ ok\u001b\n"# + "\n"), "\(made)")
    #expect(try rig.output("pages", "list", "alice").contains(#"Say "hi" \ ok\u001b\n"#))
    #expect(rig.fixture.stop() == 0)
  }

  @Test("the published version is marked in its own row only")
  func versions() async throws {
    let rig = try Rig()
    _ = try rig.output("pages", "create", "alice", "--id", "p", "--title", "A")
    for version in ["1", "2"] {
      let file = #"{"title":"\#(version)"}"#
      let saved = try ChildProcess.run(
        ["sh", "-c", "echo '\(file)' | \"$0\" pages save p - --force", Program.path],
        environment: Rig.clean(["TALLY_SOCKET": rig.fixture.socket]))
      #expect(saved.status == 0, "\(saved.error)")
    }
    _ = try rig.output("pages", "publish", "p", "--version", "2")
    let rows = try rig.output("pages", "versions", "p").split(separator: "\n").dropFirst()
    #expect(rows.map { $0.split(separator: " ")[3] } == ["-", "2", "-"])
    #expect(rig.fixture.stop() == 0)
  }

  @Test("a refusal says what to do next, and not where in the ledger it stands")
  func nextSteps() async throws {
    let rig = try Rig()
    _ = try rig.output("credits", "purchase", "alice", "1", "--payment", "p")
    let adjust = try rig.refusal(
      "credits", "adjust", "alice", "--by=-250", "--actor", "ops", "--reason", "typo")
    #expect(
      adjust.contains("cannot take more than is available") && !adjust.contains("purchase"), "\(adjust)")
    #expect(!adjust.contains("commit_"), "\(adjust)")
    #expect(try rig.refusal("credits", "consume", "alice", "2").contains("tally credits purchase"))
    let json = try rig.refusal("credits", "consume", "alice", "2", "--json")
    #expect(json.contains("commit_sequence"), "\(json)")
    _ = try rig.output("pages", "create", "alice", "--id", "p", "--title", "A")
    #expect(try rig.refusal("pages", "create", "bob", "--id", "p").contains("choose another id"))
    let hold = try rig.refusal("credits", "capture", "h3")
    for part in ["h3", "hold-17"] { #expect(hold.contains(part), "\(hold)") }
    let transaction = try rig.refusal("credits", "show", "foo")
    for part in ["foo", "txn-17"] { #expect(transaction.contains(part), "\(transaction)") }
    #expect(rig.fixture.stop() == 0)
  }

  @Test("a number in a message is told in its own unit")
  func units() {
    let error = TallyError(
      .invalidArgument, reason: "INVALID_FIELD",
      "from_micros must be a multiple of 15 minutes since the epoch, at most 253402300799999999",
      details: ["field": "from_micros", "limit": "253402300799999999"])
    #expect(
      error.text() == "INVALID_FIELD: from must be a multiple of 15 minutes since the epoch, "
        + "at most 9999-12-31T23:59:59.999999Z")
  }

  @Test("a conflict names the page, and leaves out what is empty")
  func conflict() {
    var request = TallystickV1.RestoreVersionRequest()
    request.pageId = "home"
    let error = TallyError(
      .aborted, reason: "VERSION_CONFLICT", "the page is at version 2",
      details: ["author": "", "current_version": "2"])
    #expect(
      error.text(to: request) == "VERSION_CONFLICT: the page is at version 2 (current_version 2); "
        + "see 'tally pages show home --input', and make the change again on top of it")
  }

  @Test("a socket that may not be used and a peer that is not let in have their own advice")
  func entry() {
    let denied = TallyError(
      .unavailable, reason: "NOT_CONNECTED",
      "cannot reach the server: connect to /x/tally.sock: Permission denied")
    #expect(denied.text().contains("owner and group") && !denied.text().contains("start a server"))
    let absent = TallyError(.unavailable, reason: "NOT_CONNECTED", "connect to /x: No such file or directory")
    #expect(absent.text().contains("start a server"))
    #expect(TallyError(.permissionDenied, reason: "PEER_NOT_ALLOWED", "no").text().contains("--allow-uid"))
  }

  @Test("an amount below zero is called so")
  func negativeAmount() throws {
    let result = try Rig.run(["credits", "consume", "alice", "-$1"])
    #expect(result.status == tally.ExitStatus.usage.rawValue)
    #expect(result.error == "tally: the amount must be above zero, not -$1\n", "\(result.error)")
  }

  @Test("only the option that is out of range is named")
  func range() throws {
    let result = try Rig.run(["seed-demo", "--days", "35"])
    #expect(result.status == tally.ExitStatus.usage.rawValue)
    #expect(result.error.hasPrefix("tally: --days must be 1 to 34, not 35\n"), "\(result.error)")
  }
}
