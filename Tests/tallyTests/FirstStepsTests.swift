// What somebody meets who uses the program for the first time: names typed wrong, options in the wrong place,
// places that are not there.

import TallyCore
import TallyMessages
import TallyProtoJSON
import TallyTesting
import Testing

@testable import tally

@Suite("First steps")
struct FirstStepsTests {
  @Test("an empty key is refused: it would be a new one with each try")
  func emptyKey() throws {
    let result = try Rig.run(["credits", "reserve", "alice", "1", "--key", ""])
    #expect(result.status == tally.ExitStatus.usage.rawValue)
    #expect(result.error.contains("--key must not be empty"))
  }

  @Test("a key of metadata may be given twice, and both values arrive in their order")
  func metadata() throws {
    let rig = try Rig()
    let reply = try JSON.parse(
      try rig.output(
        "call", "tallystick.testing.v1.Conformance/Inspect", "{}", "--metadata", "a=b", "--metadata", "a=c"))
    guard case .array(let pairs)? = reply["metadata"] else {
      Issue.record("no metadata in \(reply.compact)")
      return
    }
    #expect(pairs.filter { $0["key"] == .string("a") }.map { $0["value"] } == [.string("b"), .string("c")])
    #expect(rig.fixture.stop() == 0)
  }

  @Test(
    "a subcommand that is not there is named, with the one that was meant",
    arguments: [
      ("credits ballance alice bob", "did you mean 'tally credits balance'?"),
      ("credtis balance alice", "did you mean 'tally credits'?"),
      ("balance alice", "did you mean 'tally credits balance'?"),
      ("purchase alice 10 --payment p", "did you mean 'tally credits purchase'?"),
      ("users lsit", "did you mean 'tally users list'?"),
      ("plans xyzzy", "'tally plans --help' lists the subcommands"),
      ("plans lits", "did you mean 'tally plans list'?"),
      ("credits runs", "did you mean 'tally usage runs'?"),
      ("plans show", "'tally plans --help' lists the subcommands"),
      ("plans hods", "'tally plans --help' lists the subcommands"),
      ("shwo", "did you mean 'tally credits show', 'tally usage show',"),
      ("help nothing", "'tally --help' lists the subcommands"),
      ("help credtis", "did you mean 'tally credits'?"),
      ("help credits ballance", "did you mean 'tally credits balance'?"),
      ("credits help ballance", "did you mean 'tally credits balance'?"),
      ("--socket /x credits blance alice", "did you mean 'tally credits balance'?"),
    ])
  func typos(words: String, advice: String) throws {
    let result = try Rig.run(words.split(separator: " ").map(String.init))
    #expect(result.status == tally.ExitStatus.usage.rawValue)
    #expect(result.error.contains(advice) && result.error.hasPrefix("tally: there is no"), "\(result.error)")
    #expect(!result.error.contains("unexpected"), "\(result.error)")
  }

  @Test("--socket is taken anywhere, and not only after the last subcommand")
  func socketAnywhere() throws {
    let rig = try Rig()
    let socket = rig.fixture.socket
    for words in [
      ["--socket", socket, "credits", "balance", "alice"],
      ["credits", "--socket", socket, "balance", "alice"],
      ["--socket=\(socket)", "--json", "credits", "balance", "alice"],
      ["credits", "balance", "alice", "--socket", socket], ["--socket", socket, "list"],
    ] {
      let result = try Rig.run(words, environment: ["TALLY_SOCKET": "/nonexistent/tally.sock"])
      #expect(result.status == 0, "\(words): \(result.error)")
    }
    for words in [["help", "credits"], ["credits", "help"], ["credits", "help", "balance"]] {
      let result = try Rig.run(words)
      #expect(
        result.status == 0 && result.output.contains("USAGE: tally credits"), "\(words): \(result.error)")
    }
    #expect(try Rig.run(["--version"]).output == "\(tallyVersion)\n")
    #expect(rig.fixture.stop() == 0)
  }

  @Test("a number below zero is a value, and a word that begins with a dash is told apart from an option")
  func dashes() throws {
    let environment = ["TALLY_SOCKET": "/nonexistent/tally.sock"]
    for (words, message) in [
      ("credits consume alice 1 --description -5", "write '--description=-5'"),
      ("credits consume alice -5", "the amount must be above zero, not -5"),
      ("credits list alice --limit -5", "--limit must be 1 to 1000, not -5"),
      ("pages restore home -1", "'-1' is a negative number"),
      ("stats --recent -1", "--recent must be 1 to 100, not -1"),
      ("plans put pro --credit 5 --priority 0", "--priority must be 1 to 1000, not 0"),
      ("users limit alice --per-second -1", "--per-second must be 1 to 1000000, not -1"),
      ("credits list alice --from 2027-01-02 --to 2027-01-01", "--from must be before --to"),
      ("usage runs alice --from 2027-01-01 --to 2027-01-01", "--from must be before --to"),
      ("serve --ephemeral --socket /x/tally.sock", "--socket cannot be combined with --ephemeral"),
      ("serve --ephemeral --database /x", "--database cannot be combined with --ephemeral"),
      ("serve --readers -1", "--readers: \"-1\" is not a number of connections from 1 to 64"),
    ] {
      let result = try Rig.run(words.split(separator: " ").map(String.init), environment: environment)
      #expect(result.status == tally.ExitStatus.usage.rawValue, "\(words): \(result.error)")
      #expect(
        result.error.hasPrefix("tally: ") && result.error.contains(message), "\(words): \(result.error)")
    }
    let rig = try Rig()
    for words in [
      ["credits", "grant", "alice", "pro", "--amount", "-5"], ["usage", "finish", "r", "--cost", "-5"],
      ["credits", "promo", "alice", "1", "--priority", "-4"],
    ] {
      let refused = try Rig.run(words, environment: ["TALLY_SOCKET": rig.fixture.socket])
      #expect(refused.status == tally.ExitStatus.refused.rawValue, "\(words): \(refused.error)")
    }
    #expect(rig.fixture.stop() == 0)
  }

  @Test("what the help calls a default of serve is one")
  func defaults() throws {
    let help = try Rig.run(["serve", "--help"]).output.split(whereSeparator: \.isWhitespace)
      .joined(separator: " ")
    let settings = try ServeSettings(
      Settings(flags: ["database": ["/x"]], environment: { _ in nil }, file: nil))
    for (name, value) in [
      ("readers", settings.readers), ("pollers", settings.pollers),
      ("max-connections", settings.maxConnections),
      ("max-in-flight", settings.maxInFlight), ("max-message-bytes", settings.maxMessageBytes),
      ("max-outbound-bytes", settings.maxOutboundBytes),
      ("max-total-outbound-bytes", settings.maxTotalOutboundBytes),
      ("half-frame-seconds", settings.halfFrameSeconds),
      ("stalled-write-seconds", settings.stalledWriteSeconds), ("idle-seconds", settings.idleSeconds),
      ("max-stream-seconds", settings.maxStreamSeconds), ("max-log-bytes", settings.maxLogBytes),
      ("slow-query-millis", settings.slowQueryMillis), ("slow-call-millis", settings.slowCallMillis),
    ] {
      let start = try #require(help.firstRange(of: "--\(name) <")).upperBound
      let text = help[start...].prefix { $0 != ")" }
      #expect(text.hasSuffix("(default: \(value)"), "--\(name): \(text)")
    }
  }

  @Test("short names of services, methods and messages do in describe and list, as in call")
  func shortNames() throws {
    let rig = try Rig()
    #expect(try rig.output("list", "CreditService").contains("tallystick.v1.CreditService/Consume\n"))
    #expect(try rig.output("list", "Health").contains("grpc.health.v1.Health/Check\n"))
    for name in ["CreditService", "CreditService/Consume", "CreditService.Consume", "Transaction"] {
      let short = try rig.output("describe", name)
      #expect(try rig.output("describe", "tallystick.v1.\(name)") == short)
    }
    #expect(try rig.output("call", "Health/Check").contains("SERVING"))
    #expect(try rig.output("call", "CreditService.GetBalance", #"{"userId":"a"}"#).contains("balance"))
    for (words, meant) in [
      (["call", "consume"], "CreditService/Consume"), (["describe", "Consume"], "CreditService/Consume"),
      (["call", "CreditService/Consme"], "CreditService/Consume"),
      (["describe", "Transction"], "Transaction"), (["list", "CreditsService"], "CreditService"),
    ] {
      let result = try Rig.run(words, environment: ["TALLY_SOCKET": rig.fixture.socket])
      #expect(result.status == tally.ExitStatus.usage.rawValue)
      #expect(result.error.contains("did you mean '\(meant)'?"), "\(result.error)")
    }
    #expect(rig.fixture.stop() == 0)
  }

  @Test("completions know methods, log levels and where a file's name is due")
  func completions() throws {
    let bash = try Rig.run(["--generate-completion-script", "bash"]).output
    for part in ["critical", "plan_grant", "---completion call"] { #expect(bash.contains(part), "\(part)") }
    let zsh = try Rig.run(["--generate-completion-script", "zsh"]).output
    for part in [
      "'--config[Read settings from this file of `name = value` lines.]:file:_files'",
      ":directory:_files -/'",
    ] {
      #expect(zsh.contains(part), "\(part)")
    }
    for (path, name) in [
      (["call", "--", "positional@0"], "CreditService/Consume"),
      (["list", "--", "positional@0"], "UsageService"),
      (["describe", "--", "positional@0"], "Transaction"),
    ] {
      let words = ["---completion"] + path
      let lines = try Rig.run(words + ["2", "0", "tally", path[0], ""]).output.split(separator: "\n")
      #expect(lines.contains { $0.hasPrefix(name) }, "\(path): \(lines.prefix(5))")
    }
  }

  @Test("a user whom no write has named is told apart from one who has nothing left")
  func unknownUser() throws {
    let rig = try Rig()
    _ = try rig.output("credits", "purchase", "alice", "1", "--payment", "p")
    _ = try rig.output("credits", "consume", "alice", "1")
    func said(_ words: String...) throws -> String {
      let result = try Rig.run(words, environment: ["TALLY_SOCKET": rig.fixture.socket])
      #expect(result.status == 0)
      return result.error
    }
    #expect(try said("credits", "balance", "alice") == "")
    let error = try said("credits", "balance", "alice", "alcie")
    #expect(error == "tally: there is no user alcie; is the name spelled right?\n")
    #expect(try said("credits", "balance", "alcie", "--json") == "")
    for words in [
      "credits list", "credits holds", "usage runs", "usage month", "usage quota", "stats", "pages list",
      "media list",
    ] {
      let words = words.split(separator: " ").map(String.init) + ["alcie"]
      let result = try Rig.run(words, environment: ["TALLY_SOCKET": rig.fixture.socket])
      #expect(result.status == 0 && result.error == error, "\(words): \(result.error)")
    }
    #expect(try rig.refusal("users", "show", "alcie") == error)
    // One who is there, and has none.
    #expect(try said("usage", "runs", "alice") == "tally: alice has no such runs\n")
    #expect(try said("usage", "month", "alice") == "")
    // Only an admin may ask who there is.
    #expect(
      try said("credits", "balance", "alcie", "--acting-user", "alcie")
        == "tally: no credit was ever given to alcie\n")
    #expect(rig.fixture.stop() == 0)
  }

  @Test("only types of transactions that something makes are proposed")
  func types() throws {
    let rig = try Rig()
    let refused = try rig.refusal("credits", "list", "alice", "--type", "nothing", status: .usage)
    #expect(
      refused
        == "tally: \"nothing\" is not one of purchase, plan_grant, promo_grant, adjustment, api_usage, "
        + "refund, reversal, expiry, void, hold, hold_extend, hold_release, reinstatement, rollover, "
        + "owed_payment, owed, owed_forgiven\n")
    // Whoever adds one to the protos has to say whether anything makes it.
    let types = TallystickV1.TransactionType.known.map(\.rawValue)
    #expect([0] + TransactionType.allCases.map(\.rawValue) == types)
    #expect(HoldState.allCases.map(\.rawValue) == TallystickV1.HoldState.choices.map(\.rawValue))
    #expect(rig.fixture.stop() == 0)
  }

  @Test("without a home the ledger goes nowhere, and not to a directory under /tmp")
  func noHome() throws {
    let variables = ["HOME": "", "XDG_STATE_HOME": "", "TALLY_DATABASE": ""]
    #expect(Locations.database(userId: 1000, environment: { _ in nil }) == nil)
    #expect(Locations.database(userId: 0, environment: { _ in nil }) == "/var/lib/tallystick")
    #expect(
      Locations.database(userId: 1000, environment: { $0 == "HOME" ? "/some/place" : nil })
        == "/some/place/.local/state/tallystick")
    let directory = try Rig.temporaryDirectory()
    let isRoot = System.userId == 0
    // As somebody else than root, who has a place of its own.
    let arguments =
      (isRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [])
      + [Program.path, "serve", "--lifeline-stdin", "--socket", "\(directory.path)/tally.sock"]
    let result = try ChildProcess.run(arguments, environment: Rig.clean(variables))
    #expect(result.status == tally.ExitStatus.configuration.rawValue, "\(result.error)")
    for part in ["HOME", "XDG_STATE_HOME", "--database"] {
      #expect(result.error.contains(part), "\(result.error)")
    }
    try directory.remove()
  }

  @Test("a place where nothing can be made is refused with the flag that names another")
  func places() throws {
    let directory = try Rig.temporaryDirectory()
    let file = "\(directory.path)/file"
    _ = try ChildProcess.run(["sh", "-c", "echo > \(file)"])
    let database = try Rig.refusedStart([
      "--database", "\(file)/below/db", "--socket", "\(directory.path)/tally.sock", "--any-file-system",
    ])
    #expect(database.status == tally.ExitStatus.cannotCreate.rawValue)
    #expect(database.error.contains("--database"), "\(database.error)")
    let socket = try Rig.refusedStart([
      "--database", "\(directory.path)/db", "--socket", "\(file)/below/tally.sock", "--any-file-system",
    ])
    #expect(socket.status == tally.ExitStatus.cannotCreate.rawValue)
    for part in ["--socket", "TALLY_SOCKET"] { #expect(socket.error.contains(part), "\(socket.error)") }
    try directory.remove()
  }

  @Test("a network address in place of a socket's path is called one")
  func address() throws {
    let directory = try Rig.temporaryDirectory()
    for address in ["localhost:8080", "http://127.0.0.1:8080", "8080"] {
      let client = try Rig.run(["--socket", address, "credits", "balance", "alice"])
      #expect(client.status == tally.ExitStatus.unavailable.rawValue)
      #expect(client.error.contains("there is no network port"), "\(client.error)")
      let server = try Rig.refusedStart(["--socket", address, "--database", "\(directory.path)/db"])
      #expect(server.status == tally.ExitStatus.usage.rawValue)
      #expect(server.error.contains("there is no network port"), "\(server.error)")
    }
    try directory.remove()
    #expect(SocketPath.advice("./localhost:8080") == nil)
    #expect(SocketPath.advice("/run/a:1/tally.sock") == nil)
  }

  @Test("who may connect is named as the system names users and groups")
  func names() throws {
    func settings(_ flags: [String: [String]]) throws -> ServeSettings {
      try ServeSettings(
        Settings(
          flags: flags.merging(["database": ["/x"]]) { $1 }, environment: { _ in nil }, file: nil))
    }
    let found = try settings(["allow-uid": ["root:admin", "1001"], "allow-gid": ["root"]])
    #expect(found.allowedUids == [Allowance(id: 0, role: "admin"), Allowance(id: 1001, role: "service")])
    #expect(found.allowedGids == [Allowance(id: 0, role: "service")])
    for (flag, kind) in [("allow-uid", "user"), ("allow-gid", "group")] {
      do {
        _ = try settings([flag: ["no-such-name:service"]])
        Issue.record("taken")
      } catch let failure as tally.Failure {
        #expect(failure.message == "--\(flag): there is no \(kind) named \"no-such-name\" on this system")
      }
    }
  }
}

@Suite("tally top on a terminal")
struct TopKeyTests {
  /// Runs the program in a terminal, sends it something once it has drawn, and prints its status and whether
  /// the terminal gives lines and echoes again.
  private static let script = """
    import os, pty, signal, sys, termios
    main, terminal = pty.openpty()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        for descriptor in (0, 1, 2):
            os.dup2(terminal, descriptor)
        os.execv(sys.argv[2], sys.argv[2:])
    text = b""
    while b"METHOD" not in text:
        text += os.read(main, 4096)
    if sys.argv[1] == "q":
        os.write(main, b"xq")
    else:
        os.kill(pid, getattr(signal, sys.argv[1]))
    ended, status = os.waitpid(pid, 0)
    local = termios.tcgetattr(terminal)[3]
    print(os.waitstatus_to_exitcode(status), bool(local & termios.ICANON), bool(local & termios.ECHO))
    """

  @Test(
    "top ends with q, and leaves the terminal as it was, also when a signal ends it",
    arguments: [("q", "0"), ("SIGINT", "130"), ("SIGTERM", "143")])
  func ends(by what: String, status: String) throws {
    let rig = try Rig()
    let result = try ChildProcess.run(
      ["timeout", "300", "python3", "-c", Self.script, what, Program.path, "top"],
      environment: Rig.clean(["TALLY_SOCKET": rig.fixture.socket]))
    #expect(result.output == "\(status) True True\n", "\(result.error)")
    #expect(rig.fixture.stop() == 0)
  }
}
