// What an amount is, on the command line as for every client, and what a shell makes of one.

import TallyProtoJSON
import TallyTesting
import Testing

@testable import tally

@Suite("Amounts")
struct AmountTests {
  private static func vectors() throws -> [(text: String, result: String)] {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let file = try #require(try System.text(ofFile: "/\(root)/proto/vectors/amounts.txt", limit: 65_536))
    return try file.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
      let cut = try #require(line.lastIndex(of: " "))
      guard case .string(let text) = try JSON.parse(String(line[..<cut])) else {
        throw tally.Failure(.software, "no text in \(line)")
      }
      return (text, String(line[line.index(after: cut)...]))
    }
  }

  @Test("an amount of dollars is what every client makes of it, and is not refused by one only")
  func oneRule() throws {
    let vectors = try Self.vectors()
    #expect(vectors.count > 30)
    for (text, result) in vectors {
      #expect(Dollars.parse(text).map(String.init) ?? "refused" == result, "\(text)")
    }
  }

  @Test("an amount is taken as the program prints it, with its sign and its commas")
  func asPrinted() {
    for micros in [0, 1, -1, 1_250_000, 1_000_000_000, -1_234_567_890_000, Int64.max, Int64.min] {
      #expect(Dollars.parse(Dollars.format(micros)) == micros)
    }
    #expect(Dollars.parse("1,000") == 1_000_000_000)
    for text in ["1,00", "1,0000", "1000,000", ",100", "1,,000", "1,000,", "1.000,5"] {
      #expect(Dollars.parse(text) == nil, "\(text)")
    }
  }

  @Test("what a shell leaves of a quoted dollar sign charges nobody, and the refusal says why")
  func shell() throws {
    let rig = try Rig()
    _ = try rig.output("credits", "purchase", "alice", "10", "--payment", "p1")
    func charged(_ words: String) throws -> ProcessResult {
      try ChildProcess.run(
        ["sh", "-c", "tally() { \"$0\" \"$@\"; }; set --; \(words)", Program.path],
        environment: Rig.clean(["TALLY_SOCKET": rig.fixture.socket]))
    }
    for words in [
      #""$0" credits consume alice "$1.25""#, #""$0" credits reserve alice "$2.50""#,
      #""$0" credits consume alice "$1""#, #""$0" credits promo alice "${1}0""#,
      #""$0" credits adjust alice --by="$2.25" --actor a --reason b"#,
      #""$0" usage begin alice r --model m --type t --estimate "$1.25""#,
      #""$0" plans put pro --credit "$2.50""#,
    ] {
      let result = try charged(words)
      #expect(result.status == tally.ExitStatus.usage.rawValue, "\(words): \(result.output)")
      #expect(result.error.contains("shell"), "\(words): \(result.error)")
    }
    #expect(try rig.output("credits", "balance", "alice").contains("$10.00"))
    #expect(rig.fixture.stop() == 0)
  }

  @Test("no example shows an amount that a shell would change in double quotes")
  func examples() throws {
    let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let files = try ChildProcess.run([
      "sh", "-c", "cd \(root) && git ls-files README.md CONTRIBUTING.md docs clients Sources/tally scripts",
    ]).output.split(separator: "\n").filter { !$0.hasSuffix("CHANGELOG.md") }
    #expect(files.count > 50)
    for file in files {
      guard let text = try? System.text(ofFile: "\(root)/\(file)", limit: 1 << 20) else { continue }
      for line in text.split(separator: "\n") {
        guard let command = line.firstRange(of: "tally ") else { continue }
        let rest = line[command.upperBound...]
        let isBad = rest.firstRange(of: "'$") != nil && !rest.contains("${") && !rest.contains("'$0")
        #expect(!isBad, "\(file): \(line)")
      }
    }
  }

  @Test("a limit of dollars is told in dollars, one of time as a date or a span")
  func limits() throws {
    let rig = try Rig()
    let amount = try rig.refusal("credits", "promo", "alice", "2000000000000", status: .usage)
    #expect(amount.contains("at most $1,000,000,000,000.00"), "\(amount)")
    let cost = try rig.refusal(
      "usage", "record", "alice", "r", "--model", "m", "--type", "t", "--cost", "2000000")
    #expect(cost.contains("cost is beyond the limit of $1,000,000.00"), "\(cost)")
    #expect(!cost.contains("micros"), "\(cost)")
    let span = try rig.refusal("credits", "reserve", "alice", "1", "--ttl", "40d")
    #expect(span.contains("30d") && !span.contains("2592000000"), "\(span)")
    let time = try rig.refusal("credits", "promo", "alice", "1", "--expires", "1960-01-01")
    #expect(time.contains("9999-12-31"), "\(time)")
    #expect(rig.fixture.stop() == 0)
  }
}
