// `tally watch`, by running it.

import Glibc
import TallyProtoJSON
import TallyTesting
import Testing

@testable import tally

@Suite("tally watch")
struct WatchCommandTests {
  private static func start(_ rig: Rig, _ arguments: String...) throws -> ChildProcess {
    try ChildProcess(
      [Program.path, "watch"] + arguments, environment: Rig.clean(["TALLY_SOCKET": rig.fixture.socket]))
  }

  /// The words of a process's next line.
  private static func words(_ process: ChildProcess) -> [Substring] {
    (Rig.line(process) ?? "").split(separator: " ")
  }

  @Test("rows are lines below a heading, from the one that is asked for on")
  func lines() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    _ = try rig.output("credits", "purchase", "alice", "10", "--payment", "p1")
    _ = try rig.output("credits", "purchase", "bob", "5", "--payment", "p2")
    let watch = try Self.start(rig, "--from", "txn-1")
    #expect(Self.words(watch) == ["TIME", "ID", "USER", "TYPE", "AMOUNT", "AVAILABLE", "DETAIL"])
    #expect(
      Self.words(watch) == ["2030-01-15T12:00:00Z", "txn-1", "alice", "purchase", "$10.00", "$10.00", "p1"])
    #expect(Self.words(watch).prefix(3) == ["2030-01-15T12:00:00Z", "txn-2", "bob"])
    _ = try rig.output("credits", "reserve", "alice", "4")
    #expect(
      Self.words(watch).prefix(6) == ["2030-01-15T12:00:00Z", "txn-3", "alice", "hold", "($4.00)", "$6.00"])
    #expect(watch.end(signal: SIGINT) != 0)
    #expect(rig.fixture.stop() == 0)
  }

  @Test("of a user only its rows come, as JSON one a line")
  func json() async throws {
    let rig = try Rig()
    _ = try rig.output("credits", "purchase", "alice", "10", "--payment", "p1")
    let watch = try Self.start(rig, "--user", "bob", "--from", "1", "--json")
    _ = try rig.output("credits", "purchase", "bob", "5", "--payment", "p2")
    let row = try JSON.parse(try #require(Rig.line(watch)))
    #expect(row["userId"] == .string("bob") && row["sequence"] == .string("2"))
    // The server ends it; it tries to go on, and finds nobody there.
    #expect(rig.fixture.stop() == 0)
    #expect(watch.wait() == tally.ExitStatus.unavailable.rawValue)
  }

  @Test("changes of pages are lines below a heading, from the one that is asked for on, or JSON")
  func pages() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    _ = try rig.output("pages", "create", "alice", "--id", "home", "--title", "Welcome")
    let environment = Rig.clean(["TALLY_SOCKET": rig.fixture.socket])
    let watch = try ChildProcess([Program.path, "pages", "watch", "--from", "1"], environment: environment)
    #expect(Self.words(watch) == ["TIME", "NUMBER", "USER", "PAGE", "CHANGE", "VERSION", "TITLE"])
    #expect(Self.words(watch) == ["2030-01-15T12:00:00Z", "1", "alice", "home", "created", "1", "Welcome"])
    let json = try ChildProcess(
      [Program.path, "pages", "watch", "--user", "alice", "--from", "1", "--json"], environment: environment)
    let made = try JSON.parse(try #require(Rig.line(json)))
    #expect(made["pageId"] == .string("home") && made["kind"] == .string("PAGE_UPDATE_KIND_CREATED"))
    _ = try rig.output("pages", "publish", "home")
    #expect(Self.words(watch).prefix(5) == ["2030-01-15T12:00:00Z", "2", "alice", "home", "published"])
    #expect(json.end(signal: SIGINT) != 0)
    #expect(try rig.refusal("pages", "watch", "--from", "9").contains("INVALID_FIELD"))
    #expect(rig.fixture.stop() == 0)
    #expect(watch.wait() == tally.ExitStatus.unavailable.rawValue)
  }

  @Test("what cannot be watched is refused at once")
  func refused() throws {
    let rig = try Rig()
    #expect(try rig.refusal("watch", "--from", "9").contains("INVALID_FIELD"))
    #expect(try rig.refusal("watch", "--acting-user", "alice").contains("ACTING_USER"))
    #expect(try rig.run("watch", "--from", "nothing").status == 64)
    #expect(try rig.run("watch", "--from", "0").status == 64)
    #expect(try rig.run("watch", "--help").output.contains("tally watch --from txn-1200 --json"))
    #expect(rig.fixture.stop() == 0)
    #expect(try rig.run("watch").status == 69)
  }
}
