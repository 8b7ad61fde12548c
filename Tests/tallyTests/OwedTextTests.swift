// What the program says of grants' periods, of money that goes back and of what is owed, now and then.

import TallyMessages
import TallyTesting
import Testing

@testable import tally

@Suite("Texts of what is owed")
struct OwedTextTests {
  @Test("a row tells what became owed then, and not that it is owed still")
  func rows() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    _ = try rig.output("plans", "put", "pro", "--credit", "20", "--on-short", "collect")
    _ = try rig.output("users", "set", "alice", "--plan", "pro")
    _ = try rig.output("credits", "purchase", "alice", "2", "--payment", "p1")
    _ = try rig.output("credits", "reserve", "alice", "1", "--key", "h")
    let captured = try rig.output("credits", "capture", "hold-2", "2.50", "--draw", "--key", "c")
    #expect(
      captured.contains("became owed  $0.50\n") && captured.contains("owed         $0.50\n"), "\(captured)")
    let forgiven = try rig.output(
      "credits", "forgive", "alice", "--amount", "0.10", "--actor", "ops", "--reason", "goodwill")
    #expect(
      forgiven.contains("forgiven     $0.10\n") && forgiven.contains("owed         $0.40\n"), "\(forgiven)")
    _ = try rig.output("credits", "purchase", "alice", "5", "--payment", "p2")
    let rows = try rig.output("credits", "list", "alice").split(separator: "\n").map(String.init)
    func row(_ type: String) -> String { rows.first { $0.contains("  \(type) ") } ?? "" }
    #expect(row("owed").contains("$0.50 became owed "), "\(rows)")
    #expect(row("owed_forgiven").contains("$0.10 forgiven "), "\(rows)")
    #expect(row("owed_payment").contains("-$0.40") && !row("owed_payment").contains("owed "), "\(rows)")
    // The reply of then is marked so.
    let replayed = try rig.output("credits", "capture", "hold-2", "2.50", "--draw", "--key", "c")
    #expect(replayed.contains("owed         $0.50 (then)\n"), "\(replayed)")
    #expect(try !rig.output("users", "show", "alice").contains("owed"))
    let shown = try rig.output("credits", "show", "txn-4")
    for line in ["type         owed\n", "became owed  $0.50\n", "owed         $0.50 (after it)\n"] {
      #expect(shown.contains(line), "\(shown)")
    }
    #expect(rig.fixture.stop() == 0)
  }

  @Test("a reversal and its reinstatement name their purchase, their event and what was not there")
  func reversals() async throws {
    let rig = try Rig()
    _ = try rig.output("credits", "purchase", "alice", "2", "--payment", "p1")
    let charge = try rig.output("credits", "consume", "alice", "1.50")
    #expect(charge.contains("txn-2"), "\(charge)")
    let short = try rig.refusal("credits", "reverse", "p1", "--event", "re_1")
    #expect(short.contains("REVERSAL_SHORT") && short.contains("--on-shortfall"), "\(short)")
    let reversed = try rig.output("credits", "reverse", "p1", "--event", "re_1", "--on-shortfall", "partial")
    for line in [
      "amount       -$0.50\n", "of           txn-1\n", "event        re_1\n", "asked        $2.00\n",
      "not there    $1.50\n",
    ] {
      #expect(reversed.contains(line), "\(reversed)")
    }
    _ = try rig.output("credits", "refund", "txn-2", "--amount", "0.25")
    let taken = try rig.output("credits", "show", "txn-5")
    #expect(taken.contains("settles      $0.25 that was not there\n"), "\(taken)")
    let back = try rig.output("credits", "reinstate", "p1", "--event", "dp_1")
    #expect(back.contains("settles      $1.25 that was not there\n"), "\(back)")
    #expect(back.contains("available    $0.75\n"), "\(back)")
    #expect(rig.fixture.stop() == 0)
  }

  @Test("a period is granted by its number from a date, and tells its dates")
  func periods() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    _ = try rig.output("plans", "put", "pro", "--credit", "20", "--rollover", "5")
    let granted = try rig.output("credits", "grant", "alice", "pro", "--period", "2029-12-31", "--index", "2")
    #expect(granted.contains("pending      $20.00\n"), "\(granted)")
    let shown = try rig.output("credits", "show", "txn-1")
    for line in ["period       2030-02-28 until 2030-03-31\n", "rollover     at most $5.00\n"] {
      #expect(shown.contains(line), "\(shown)")
    }
    #expect(try rig.output("credits", "list", "alice").contains("pro 2030-02-28"))
    let overlap = try rig.refusal("credits", "grant", "alice", "pro", "--period", "2030-03")
    #expect(overlap.contains("GRANT_OVERLAPS") && overlap.contains("--type plan_grant"), "\(overlap)")
    let later = try rig.output(
      "credits", "grant", "bob", "pro", "--period", "2030-01", "--effective", "2030-01-20")
    #expect(later.contains("pending      $20.00\n"), "\(later)")
    #expect(try rig.output("credits", "show", "txn-2").contains("2030-01-20T00:00:00Z\n"))
    for arguments in [
      ["--index", "1"], ["--period", "2030-01", "--index", "1"],
      ["--period", "2030-01-31", "--index", "12000"], ["--period", "2030-01-31", "--index", "-1"],
    ] {
      let result = try Rig.run(
        ["credits", "grant", "alice", "pro"] + arguments, environment: ["TALLY_SOCKET": rig.fixture.socket])
      #expect(result.status == tally.ExitStatus.usage.rawValue, "\(arguments): \(result.error)")
    }
    #expect(rig.fixture.stop() == 0)
  }

  @Test("rows that come one by one stand below their heading, and are cut at the terminal's width")
  func lines() {
    var row = TallystickV1.Transaction()
    row.transactionId = "txn-1"
    row.userId = "alice\n"
    row.type = .owedForgiven
    row.owedMicros = 300_000
    row.reason = String(repeating: "r", count: 100)
    for columns in [nil, 120] {
      let lines = WatchLines(columns: columns)
      let line = lines.line(row)
      #expect(line.contains("alice\\n") && line.contains("$0.30 forgiven"), "\(line)")
      for title in ["ID", "TYPE"] {
        let place = lines.heading.firstRange(of: title)?.lowerBound
        let cell = line.firstRange(of: title == "ID" ? "txn-1" : "owed_forgiven")?.lowerBound
        #expect(
          place.map { lines.heading.distance(from: lines.heading.startIndex, to: $0) }
            == cell.map { line.distance(from: line.startIndex, to: $0) })
      }
      #expect(columns == nil ? line.hasSuffix("rrr\n") : line.hasSuffix("…\n") && line.count == 121)
    }
  }
}
