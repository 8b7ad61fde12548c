// Tables on a terminal and in a pipe.

import TallyMessages
import TallyTesting
import Testing

@testable import tally

@Suite("Tables")
struct TableTests {
  private static func lines(_ text: String) -> [String] { text.split(separator: "\n").map(String.init) }

  private static func table() -> Table {
    var table = Table(
      [("TIME", .time), ("ID", .left), ("AMOUNT", .amount), ("NOTE", .left), ("ZONE", .left)],
      optional: ["ID", "ZONE"], flexible: "NOTE")
    table.add(["2030-01-15T12:00:00.123456Z", "txn-1", "$1,000.00", "a note of quite some length", ""])
    table.add(["2030-01-15T12:00:00Z", "txn-22", "-$0.000001", "", "-"])
    return table
  }

  @Test("a pipe gets every column, every character and times in full, whatever the terminal is")
  func pipe() {
    let lines = Self.lines(Self.table().text)
    #expect(lines[0].split(separator: " ").map(String.init) == ["TIME", "ID", "AMOUNT", "NOTE", "ZONE"])
    #expect(
      lines[1].contains("2030-01-15T12:00:00.123456Z") && lines[1].hasSuffix("a note of quite some length"))
    #expect(lines.count == 3)
  }

  @Test("amounts stand with their points below each other")
  func points() {
    let lines = Self.lines(Self.table().text)
    let places = lines.dropFirst().map { line in
      line.firstRange(of: "$").map { start in
        line.distance(
          from: line.startIndex, to: line[start.lowerBound...].firstIndex(of: ".") ?? line.endIndex)
      }
    }
    #expect(places[0] == places[1])
  }

  @Test("a table does not wrap at the width of a terminal, as long as anything can be left out")
  func widths() {
    for width in 46...100 {
      let lines = Self.lines(Self.table().text(within: width)).filter { !$0.hasPrefix("not shown") }
      #expect(lines.allSatisfy { $0.count <= width }, "\(width): \(lines)")
    }
    let wide = Self.lines(Self.table().text(within: 100))
    #expect(wide.count == 3 && wide[1].hasPrefix("2030-01-15 12:00  txn-1"), "\(wide)")
    // Empty columns go before those that say something, and cells are cut before either.
    let cut = Self.lines(Self.table().text(within: 66))
    #expect(cut[0].contains("ID") && cut[0].contains("ZONE") && cut[1].contains("…"), "\(cut)")
    let narrow = Self.lines(Self.table().text(within: 54))
    #expect(narrow[0].contains("ID") && !narrow[0].contains("ZONE"), "\(narrow)")
    #expect(narrow.last == "not shown: ZONE (--wide shows all)")
  }

  private static let someTimeMicros: Int64 = 1_894_708_800_123_456

  private static func ledger() -> [String] {
    var row = TallystickV1.Transaction()
    row.transactionId = "txn-123456"
    row.type = .holdRelease
    row.createdAtMicros = someTimeMicros
    row.amountMicros = -1_234_567_891
    row.balanceAfterMicros = 12_345_678_912
    row.heldAfterMicros = 345_678_912
    row.holdAmountMicros = 2_000_001
    row.paymentId = "pi_3PqLr2eZvKYlo2C1xyzABCDEF"
    var run = TallystickV1.Run()
    run.runId = "run-7f3e1a2b-1111-2222-3333-444455556666"
    run.model = "gpt-x-large-2026-11"
    run.type = "text"
    run.status = .failed
    run.startedAtMicros = row.createdAtMicros
    run.costMicros = 12_345_600
    run.inputTokens = 1_234_567
    run.outputTokens = 234_567
    run.error = "the model was busy and did not answer in time"
    var hold = TallystickV1.Hold()
    hold.holdId = "hold-123456"
    hold.state = .captured
    hold.amountMicros = 12_345_600
    hold.capturedMicros = 12_300_000
    hold.releasedMicros = 45_600
    hold.expiresAtMicros = row.createdAtMicros
    hold.runId = run.runId
    return [
      Texts.transactions([row], nextCursor: ""), Texts.runs([run]), Texts.runs([run], withUser: true),
      Texts.holds([hold], nextCursor: ""),
    ]
  }

  private static func plan() -> TallystickV1.Plan {
    var plan = TallystickV1.Plan()
    plan.planId = "pro"
    plan.displayName = "Professional"
    plan.monthlyCreditMicros = 20_000_000
    plan.grantExpiry = .periodEnd
    plan.timeZone = "America/Argentina/Buenos_Aires"
    plan.prices = ["gpt-x", "gpt-x-mini", "a-model-with-a-rather-long-name"].map { model in
      var price = TallystickV1.ModelPrice()
      price.model = model
      price.inputMicrosPerMillion = 3_000_000
      price.outputMicrosPerMillion = 15_000_000
      price.imageMicros = 40_000
      return price
    }
    return plan
  }

  private static func others() -> [String] {
    var page = TallystickV1.Page()
    page.pageId = "home"
    page.title = "A title that is about as long as titles of pages are on this planet"
    page.version = 12
    page.updatedAtMicros = someTimeMicros
    page.author = "someone@example.com"
    var user = TallystickV1.User()
    var settings = TallystickV1.UserSettings()
    settings.userId = "user-7f3e1a2b@example.com"
    settings.email = "somebody.with.a.name@example.com"
    settings.role = .user
    settings.approval = .approved
    settings.planId = "professional"
    user.settings = settings
    var balance = TallystickV1.Balance()
    balance.userId = settings.userId
    balance.postedMicros = 12_345_678_912
    balance.availableMicros = 12_000_000_000
    balance.heldMicros = 345_678_912
    balance.nextExpiryAtMicros = someTimeMicros
    balance.nextExpiryMicros = 20_000_000
    user.balance = balance
    return [
      Texts.plans([plan()]), Texts.pages([page], nextCursor: ""), Texts.users([user]),
      Texts.balances([balance]), Texts.usages([TallystickV1.Usage()]),
    ]
  }

  @Test("what lists print fits 80 columns with everyday ids and amounts")
  func eighty() {
    Layout.$columns.withValue(80) {
      for text in Self.ledger() + Self.others() {
        for line in Self.lines(text) where !line.hasPrefix("not shown") {
          #expect(line.count <= 80, "\(line)")
        }
      }
      let prices = Self.lines(Texts.plans([Self.plan()]))
      #expect(prices.filter { $0.contains("$3.00,$15.00") }.count == 3, "\(prices)")
    }
  }

  @Test("a ledger's list says how much a hold holds, and what is available beside it")
  func holds() throws {
    let rig = try Rig()
    _ = try rig.output("credits", "purchase", "alice", "10", "--payment", "p1")
    _ = try rig.output("credits", "reserve", "alice", "2.5", "--key", "h")
    let rows = Self.lines(try rig.output("credits", "list", "alice"))
    let titles = rows[0].split(separator: " ").map(String.init)
    #expect(
      titles == ["TIME", "ID", "TYPE", "AMOUNT", "HELD", "AVAILABLE", "ON", "HOLD", "PENDING", "DETAIL"])
    let hold = rows[1].split(separator: " ").map(String.init)
    #expect(Array(hold.dropFirst(2).prefix(5)) == ["hold", "-", "$2.50", "$7.50", "$2.50"], "\(rows)")
    #expect(rig.fixture.stop() == 0)
  }

  @Test(
    "credit that is not effective yet is pending, and not available, on the row that granted it and later")
  func pending() throws {
    let rig = try Rig()
    _ = try rig.output("credits", "purchase", "alice", "10", "--payment", "p1")
    let granted = try rig.output("credits", "promo", "alice", "5", "--effective", "2999-01-01")
    #expect(
      granted.contains("available    $10.00\n") && granted.contains("pending      $5.00\n"), "\(granted)")
    _ = try rig.output("credits", "consume", "alice", "1")
    let rows = Self.lines(try rig.output("credits", "list", "alice")).dropFirst().map {
      $0.split(separator: " ").dropFirst(4).map(String.init)
    }
    #expect(
      rows.map { Array($0.prefix(4)) } == [
        ["-", "$9.00", "$0.00", "$5.00"], ["-", "$10.00", "$0.00", "$5.00"], ["-", "$10.00", "$0.00", "-"],
      ])
    let shown = try rig.output("credits", "show", "txn-2")
    for line in ["available    $10.00 (after it)\n", "pending      $5.00 (after it)\n"] {
      #expect(shown.contains(line), "\(shown)")
    }
    #expect(try !rig.output("credits", "show", "txn-1").contains("pending"))
    #expect(rig.fixture.stop() == 0)
  }

  @Test("80 columns have room for what a hold holds: less important columns go first")
  func heldAtEighty() throws {
    let text = Layout.$columns.withValue(80) { Self.ledger().joined() }
    let notes = Self.lines(text).filter { $0.hasPrefix("not shown") }
    #expect(!notes.isEmpty && notes.allSatisfy { !$0.contains("HELD") }, "\(notes)")
  }

  @Test("--wide prints a table whole on a terminal, which else leaves out what does not fit")
  func terminal() throws {
    let rig = try Rig()
    _ = try rig.output("credits", "purchase", "alice", "10", "--payment", String(repeating: "p", count: 100))
    func lines(_ more: String) throws -> [String] {
      let script = """
        import os, pty, struct, fcntl, termios, sys
        pid, terminal = pty.fork()
        if pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.execv(sys.argv[1], sys.argv[1:])
        text = b""
        while True:
            try:
                part = os.read(terminal, 4096)
            except OSError:
                break
            if not part:
                break
            text += part
        os.waitpid(pid, 0)
        sys.stdout.write(text.decode().replace("\\r\\n", "\\n"))
        """
      let arguments = ["python3", "-c", script, Program.path, "credits", "list", "alice"]
      let result = try ChildProcess.run(
        arguments + (more.isEmpty ? [] : [more]), environment: Rig.clean(["TALLY_SOCKET": rig.fixture.socket])
      )
      #expect(result.status == 0, "\(result.error)")
      return Self.lines(result.output)
    }
    let fitted = try lines("")
    #expect(fitted.allSatisfy { $0.count <= 80 } && fitted[1].contains("…"), "\(fitted)")
    let wide = try lines("--wide")
    #expect(wide.contains { $0.hasSuffix(String(repeating: "p", count: 100)) }, "\(wide)")
    #expect(rig.fixture.stop() == 0)
  }
}
