// The subcommands that talk to a server, by running them against one.

import ArgumentParser
import TallyProtoJSON
import TallyTesting
import Testing

@testable import tally

@Suite("Commands")
struct CommandTests {
  private let call = "tallystick.v1.CreditService/Consume"
  private let request = #"{"userId":"u1","amountMicros":"250000","idempotencyKey":"k1"}"#

  @Test("call prints the reply as JSON, or the reason and its details with status 1")
  func callConsume() throws {
    let rig = try Rig()
    let refused = try rig.run("call", call, request)
    #expect(refused.status == 1)
    #expect(refused.output == "")
    let error = try JSON.parse(refused.error)
    #expect(error["code"] == .string("FAILED_PRECONDITION"))
    #expect(error["reason"] == .string("INSUFFICIENT_CREDITS"))
    #expect(error["details"]?["required_micros"] == .string("250000"))
    #expect(error["details"]?["available_micros"] == .string("0"))
    #expect(error["outcome"] == .string("NOT_APPLIED"))
    #expect(try rig.run("credits", "purchase", "u1", "$1", "--payment", "p1").status == 0)
    let applied = try rig.run("call", call, request, "--emit-defaults")
    #expect(applied.status == 0)
    let reply = try JSON.parse(applied.output)
    #expect(reply["balance"]?["availableMicros"] == .string("750000"))
    #expect(reply["transaction"]?["type"] == .string("TRANSACTION_TYPE_API_USAGE"))
    #expect(reply["replayed"] == .bool(false))
    let replayed = try rig.run("call", "CreditService/Consume", request, "--compact")
    #expect(try JSON.parse(replayed.output)["replayed"] == .bool(true))
    #expect(replayed.output.split(separator: "\n").count == 1)
    #expect(rig.fixture.stop() == 0)
  }

  @Test("call reads standard input, streams in and streams out")
  func callStreams() throws {
    let rig = try Rig()
    let service = "tallystick.testing.v1.Conformance"
    let sum = try rig.run("call", "\(service)/Sum", #"[{"number":"1"},{"number":2},{"number":"39"}]"#)
    #expect(try JSON.parse(sum.output) == JSON.parse(#"{"count":"3","sum":"42"}"#))
    let count = try rig.run(
      "call", "\(service)/Count", #"{"count":2,"fail":{"code":14,"message":"gone"}}"#, "--emit-defaults")
    #expect(count.output.split(separator: "\n").count == 2)
    #expect(count.status == 1)
    #expect(try JSON.parse(count.error)["code"] == .string("UNAVAILABLE"))
    let chat = try rig.run("call", "\(service)/Chat", #"[{"text":"a"},{"text":"b"}]"#)
    #expect(chat.output == "{\"text\":\"a\"}\n{\"text\":\"b\"}\n")
    let input = try ChildProcess.run([
      "sh", "-c", "printf '%s' \"$1\" | \"$0\" call --socket \"$2\" \(service)/Echo -", Program.path,
      #"{"text":"é","body":"AAE="}"#, rig.fixture.socket,
    ])
    #expect(try JSON.parse(input.output) == JSON.parse(#"{"text":"é","body":"AAE="}"#))
    #expect(rig.fixture.stop() == 0)
  }

  @Test("arguments that are not UTF-8 are refused: repaired, the names of two users would become one")
  func brokenArguments() throws {
    let rig = try Rig()
    for bytes in ["m\\374ller", "\\355\\240\\200"] {
      let result = try ChildProcess.run(
        ["sh", "-c", "\"$0\" credits purchase \"$(printf '\(bytes)')\" 10 --payment p", Program.path],
        environment: Rig.clean(["TALLY_SOCKET": rig.fixture.socket]))
      #expect(result.status == ExitStatus.usage.rawValue)
      #expect(result.error == "tally: an argument is not UTF-8\n")
    }
    #expect(try rig.output("credits", "purchase", "m\u{fffd}ller", "10", "--payment", "p").contains("$10.00"))
    #expect(rig.fixture.stop() == 0)
  }

  /// A command line and how it ends.
  struct Refused: Sendable {
    var arguments: [String]
    var status: Int32

    init(_ status: tally.ExitStatus, _ arguments: String...) {
      self.arguments = arguments
      self.status = status.rawValue
    }

    var testDescription: String { arguments.joined(separator: " ") }

    static let all: [Refused] = [
      Refused(.usage, "call", "tallystick.v1.CreditService/Nothing", "{}"),
      Refused(.usage, "call", "no.such.Service/Method", "{}"),
      Refused(.malformedInput, "call", "CreditService/GetBalance", "{"),
      Refused(.malformedInput, "call", "CreditService/GetBalance", #"{"user":"a"}"#),
      Refused(.refused, "call", "CreditService/GetBalance", #"{"userId":""}"#),
      Refused(.usage, "describe", "tallystick.v1.Nothing"),
      Refused(.usage, "list", "tallystick.v1.Nothing"),
      Refused(.usage, "credits", "consume", "a", "1.0000001"),
      Refused(.usage, "credits", "reserve", "a", "1", "--ttl", "soon"),
      Refused(.usage, "credits", "consume", "a", "1", "--meta", "x"),
    ]
  }

  @Test("what cannot be called says why by its status")
  func refusals() throws {
    let rig = try Rig()
    for refused in Refused.all {
      let result = try Rig.run(refused.arguments, environment: ["TALLY_SOCKET": rig.fixture.socket])
      #expect(result.status == refused.status, "\(refused.testDescription): \(result.error)")
      #expect(result.output == "", "\(refused.testDescription)")
      #expect(!result.error.isEmpty, "\(refused.testDescription)")
    }
    #expect(rig.fixture.stop() == 0)
  }

  @Test("without a server the status is its own")
  func noServer() throws {
    for arguments in [["list"], ["call", "a.B/C", "{}"], ["credits", "balance", "a"], ["plans", "list"]] {
      let result = try Rig.run(arguments, environment: ["TALLY_SOCKET": "/nonexistent/tally.sock"])
      #expect(result.status == tally.ExitStatus.unavailable.rawValue)
    }
  }

  @Test("list and describe know the server's services without a .proto")
  func reflection() throws {
    let rig = try Rig()
    let services = try rig.run("list").output.split(separator: "\n").map(String.init)
    #expect(services.contains("tallystick.v1.CreditService"))
    #expect(services.contains("grpc.health.v1.Health"))
    let methods = try rig.run("list", "tallystick.v1.CreditService").output
    #expect(methods.contains("tallystick.v1.CreditService/Consume\n"))
    let described = try rig.run("describe", "tallystick.v1.CreditService/Consume").output
    #expect(described.contains("message tallystick.v1.ConsumeRequest {\n  string user_id = 1;"))
    #expect(try rig.run("describe").status == 0)
    #expect(rig.fixture.stop() == 0)
  }

  @Test("a purchase, a charge, a hold and a grant, as people do them")
  func credits() throws {
    let rig = try Rig()
    func ok(_ arguments: String..., expecting texts: [String]) throws {
      let result = try Rig.run(arguments, environment: ["TALLY_SOCKET": rig.fixture.socket])
      #expect(result.status == 0, "\(arguments): \(result.error)")
      for text in texts { #expect(result.output.contains(text), "\(arguments): \(result.output)") }
    }
    try ok("credits", "purchase", "alice", "$10", "--payment", "pi_1", expecting: ["$10.00", "(purchase)"])
    try ok("credits", "purchase", "alice", "$10", "--payment", "pi_1", expecting: ["(replayed)"])
    try ok("credits", "consume", "alice", "1.25", "--meta", "a=b", expecting: ["-$1.25", "$8.75"])
    try ok("credits", "consume", "alice", "5", "--micros", expecting: ["-$0.000005"])
    try ok("credits", "reserve", "alice", "2", "--key", "h", expecting: ["hold", "on hold", "$2.00"])
    let json = try JSON.parse(rig.run("credits", "holds", "alice", "--json").output)
    guard case .array(let holds)? = json["holds"], case .string(let hold)? = holds.first?["holdId"] else {
      Issue.record("no hold in \(json.compact)")
      return
    }
    try ok("credits", "extend", hold, "--ttl", "2h", expecting: [hold])
    try ok("credits", "capture", hold, "0.50", expecting: ["-$0.50"])
    try ok("credits", "holds", "alice", "--state", "captured", expecting: ["$0.50", "$1.50"])
    try ok("plans", "put", "pro", "--credit", "$20", "--name", "Pro", expecting: ["$20.00", "period-end"])
    try ok("plans", "list", expecting: ["pro", "Pro"])
    try ok("credits", "grant", "alice", "pro", expecting: ["$20.00", "(plan_grant)"])
    try ok("credits", "promo", "bob", "3", "--expires", "2999-01-01", expecting: ["$3.00"])
    try ok("credits", "adjust", "bob", "--by=-1", "--actor", "ops", "--reason", "why", expecting: ["-$1.00"])
    try ok(
      "credits", "adjust", "bob", "--by", "-1", "--actor", "ops", "--reason", "why", expecting: ["$1.00"])
    try ok("credits", "balance", "alice", "bob", expecting: ["$28.249995", "$1.00", "2999-01-01"])
    try ok("credits", "balance", "bob", "--at", "2020-01-01", expecting: ["$0.00"])
    let future = try rig.run("credits", "balance", "bob", "--at", "2999-01-01", "--json")
    #expect(try JSON.parse(future.error)["reason"] == .string("INVALID_FIELD"))
    #expect(try rig.run("credits", "balance", "alice", "bob", "--at", "2020-01-01").status != 0)
    try ok("credits", "list", "alice", "--type", "api_usage", "--meta", "a=b", expecting: ["-$1.25"])
    let listed = try JSON.parse(rig.run("credits", "list", "alice", "--limit", "1", "--json").output)
    guard case .array(let rows)? = listed["transactions"],
      case .string(let id)? = rows.first?["transactionId"]
    else { return }
    try ok("credits", "show", id, expecting: ["alice", "plan_grant", "pro"])
    #expect(rig.fixture.stop() == 0)
  }

  @Test("an acting user's call touches that user's rows only")
  func actingUser() throws {
    let rig = try Rig()
    let result = try rig.run("credits", "balance", "alice", "--acting-user", "bob", "--json")
    #expect(result.status == 1)
    #expect(try JSON.parse(result.error)["reason"] == .string("ACTING_USER"))
    #expect(try rig.run("credits", "balance", "bob", "--acting-user", "bob").status == 0)
    #expect(rig.fixture.stop() == 0)
  }

  @Test("every subcommand's help shows an example")
  func help() throws {
    func check(_ path: [String], _ commands: [any ParsableCommand.Type]) throws {
      for command in commands {
        let name = path + [command.configuration.commandName ?? ""]
        let help = try Rig.run(name + ["--help"])
        #expect(help.status == 0)
        #expect(help.output.contains("Example"), "\(name)")
        checkDefaults(help.output, "\(name)")
        try checkExamples(command.configuration.discussion, "\(name)")
        try check(name, command.configuration.subcommands)
      }
    }
    try check([], Tally.configuration.subcommands)
  }

  /// A default that a help text gives lies within the range that it gives.
  private func checkDefaults(_ help: String, _ name: String) {
    let text = help.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    for option in text.split(separator: " --") {
      guard let range = option.firstMatch(of: /([0-9]+) to ([0-9]+)/),
        let value = option.firstMatch(of: /\(default: (-?[0-9]+)\)/),
        let first = Int64(range.1), let last = Int64(range.2), let number = Int64(value.1)
      else { continue }
      #expect((first...last).contains(number), "\(name): --\(option)")
    }
  }

  /// Each command line of a discussion is one that the program takes.
  private func checkExamples(_ discussion: String, _ name: String) throws {
    var lines = discussion.split(separator: "\n").map { $0.drop { $0 == " " } }
    while let line = lines.first {
      lines.removeFirst()
      var command = line.replacing("Example: ", with: "")
      guard command.hasPrefix("tally ") else { continue }
      #expect(command.count <= 78, "\(name): the help breaks \(command)")
      while command.hasSuffix("\\"), let next = lines.first {
        command = command.dropLast() + next
        lines.removeFirst()
      }
      // The shell splits the words; what it would do with them is not the example's parsing.
      let words = try ChildProcess.run([
        "sh", "-c", "set -- \(command.prefix { !"<>&".contains($0) }); shift; printf '%s\\n' \"$@\"",
      ])
      let arguments = words.output.split(separator: "\n").map(String.init)
      #expect(throws: Never.self, "\(name): \(command)") { try Tally.parseAsRoot(arguments) }
    }
  }

  @Test("the README's commands work as printed, in their order")
  func readme() throws {
    let rig = try Rig()
    let directory = try Rig.temporaryDirectory()
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let text = try #require(try System.text(ofFile: "/\(root)/README.md", limit: 1 << 20))
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    var count = 0
    for (index, line) in lines.enumerated() {
      let isCommand = ["    tally ", "    .build/release/tally "].contains { line.hasPrefix($0) }
      guard isCommand, !line.contains(" serve") else { continue }
      var command = line
      var next = index + 1
      while command.hasSuffix("\\") {
        command = String(command.dropLast()) + lines[next]
        next += 1
      }
      let line = command.replacing(".build/release/tally", with: "tally")
      let result = try ChildProcess.run(
        ["sh", "-c", "cd \(directory.path); tally() { \"$0\" \"$@\"; };\(line)", Program.path],
        environment: Rig.clean(["TALLY_SOCKET": rig.fixture.socket]))
      #expect(result.status == 0, "\(command): \(result.error)")
      count += 1
    }
    #expect(count >= 20)
    try directory.remove()
    #expect(rig.fixture.stop() == 0)
  }

  @Test("the version, and completions for three shells")
  func versionAndCompletions() throws {
    #expect(try Rig.run(["version"]).output == "tally \(tallyVersion)\n")
    for shell in ["bash", "zsh", "fish"] {
      let script = try Rig.run(["--generate-completion-script", shell])
      #expect(script.status == 0)
      #expect(script.output.contains("credits"))
    }
  }

  @Test("the clock is the test's, and a reset empties the server")
  func fixture() async throws {
    let rig = try Rig()
    #expect(try rig.run("credits", "promo", "u", "1", "--expires", "2100-01-01").status == 0)
    try await rig.fixture.setClock(micros: 4_102_444_800_000_000 - 1_000_000)
    #expect(try rig.run("credits", "balance", "u").output.contains("$1.00"))
    try await rig.fixture.advanceClock(by: .seconds(1))
    #expect(try await rig.fixture.nowMicros() == 4_102_444_800_000_000)
    #expect(try !rig.run("credits", "balance", "u").output.contains("$1.00"))
    try await rig.fixture.reset()
    #expect(try rig.run("credits", "list", "u").output.split(separator: "\n").count == 1)
    #expect(try await rig.fixture.nowMicros() < 4_102_444_800_000_000)
    #expect(rig.fixture.stop() == 0)
  }
}
