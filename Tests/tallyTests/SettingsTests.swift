// Where settings come from, and what is refused.

import TallyProtoJSON
import TallyTesting
import Testing

@testable import tally

@Suite("Settings")
struct SettingsTests {
  static let readers = Setting(name: "readers", kind: .integer(1...64, unit: "connections"))
  static let allow = Setting(name: "allow-uid", kind: .list)
  static let testing = Setting(name: "testing", kind: .flag)
  static let format = Setting(name: "log-format", kind: .choice(["human", "json"]))
  static let known = [readers, allow, testing, format]

  private func settings(
    flags: [String: [String]] = [:], environment: [String: String] = [:], file: String? = nil
  ) throws -> Settings {
    Settings(
      flags: flags, environment: { environment[$0] },
      file: try file.map { try ConfigurationFile(path: "tally.conf", text: $0, known: Self.known) })
  }

  @Test("a flag wins over the environment, that over the file, that over nothing")
  func precedence() throws {
    let flags = ["readers": ["1"]]
    let environment = ["TALLY_READERS": "2"]
    let file = "readers = 3"
    #expect(try settings(flags: flags, environment: environment, file: file).integer(Self.readers) == 1)
    #expect(try settings(environment: environment, file: file).integer(Self.readers) == 2)
    #expect(try settings(file: file).integer(Self.readers) == 3)
    #expect(try settings().integer(Self.readers) == nil)
  }

  @Test("lists come from one source only")
  func lists() throws {
    let file = "allow-uid = 1\nallow-uid = 2:admin"
    #expect(try settings(file: file).list(Self.allow)?.values == ["1", "2:admin"])
    #expect(
      try settings(environment: ["TALLY_ALLOW_UID": "3,4"], file: file).list(Self.allow)?.values == [
        "3", "4",
      ])
    #expect(try settings(flags: ["allow-uid": ["5"]], file: file).list(Self.allow)?.values == ["5"])
  }

  @Test("comments, blank lines and space around are passed over")
  func file() throws {
    let file = "# all of it\n\n  readers=8   # eight\n\tlog-format = json\r\n"
    #expect(try settings(file: file).integer(Self.readers) == 8)
    #expect(try settings(file: file).choice(Self.format) == "json")
  }

  @Test(
    "a wrong file is refused with its line",
    arguments: [
      ("reader = 1", "tally.conf:1"), ("\nreaders", "tally.conf:2"), ("readers =", "tally.conf:1"),
      ("readers = 1\nreaders = 2", "tally.conf:2"),
    ])
  func wrongFile(text: String, place: String) {
    let error = #expect(throws: Failure.self) { try settings(file: text) }
    #expect(error?.message.hasPrefix(place) == true)
    #expect(error?.status == .configuration)
  }

  @Test("a wrong value is refused with its source", arguments: ["0", "65", "many", "1.0", "-1"])
  func wrongValue(value: String) throws {
    let byFlag = try settings(flags: ["readers": [value]])
    let flagError = #expect(throws: Failure.self) { try byFlag.integer(Self.readers) }
    #expect(flagError?.status == .usage)
    #expect(flagError?.message.contains("--readers") == true)
    let byVariable = try settings(environment: ["TALLY_READERS": value])
    let variableError = #expect(throws: Failure.self) { try byVariable.integer(Self.readers) }
    #expect(variableError?.status == .configuration)
    #expect(variableError?.message.contains("TALLY_READERS") == true)
  }

  @Test("the ends of a range are inside it", arguments: [1, 64])
  func bounds(value: Int64) throws {
    #expect(try settings(flags: ["readers": ["\(value)"]]).integer(Self.readers) == value)
  }

  @Test("a file at the limit of its size is read, and one byte more is refused")
  func fileLimit() throws {
    let directory = try Rig.temporaryDirectory()
    let path = "\(directory.path)/tally.conf"
    for (count, isRead) in [(ConfigurationFile.maximumByteCount, true), (65_537, false)] {
      let script = "{ echo readers = 3; head -c \(count - 12) /dev/zero | tr '\\0' '#'; } > \"$0\""
      #expect(try ChildProcess.run(["sh", "-c", script, path]).status == 0)
      if isRead {
        #expect(try ConfigurationFile.read(path, known: Self.known).values["readers"] == ["3"])
      } else {
        #expect(throws: Failure.self) { try ConfigurationFile.read(path, known: Self.known) }
      }
    }
    try directory.remove()
  }

  @Test("a flag may be turned off by the environment's word for it")
  func flag() throws {
    #expect(try settings(environment: ["TALLY_TESTING": "yes"]).flag(Self.testing))
    #expect(try !settings(environment: ["TALLY_TESTING": "0"], file: "testing = on").flag(Self.testing))
    #expect(throws: Failure.self) { try settings(environment: ["TALLY_TESTING": "maybe"]).flag(Self.testing) }
  }
}

@Suite("Log lines")
struct LineLogTests {
  private func line(_ format: LogFormat, _ message: String, _ pairs: [(String, String)] = []) -> String {
    LineLogHandler.line(format, atMicros: 0, level: "info", label: "tally", message: message, pairs: pairs)
  }

  @Test("an event is one line, whatever it holds")
  func oneLine() {
    #expect(
      line(.human, "a\nb\u{1B}[31m", [("user", "x y"), ("n", "1")])
        == "1970-01-01T00:00:00Z info     a\\nb\\u001b[31m user=\"x y\" n=1\n")
    #expect(
      line(.json, "a\nb", [("n", "\"")])
        == #"{"time":"1970-01-01T00:00:00Z","level":"info","logger":"tally","message":"a\nb","n":"\""}"#
        + "\n")
  }

  @Test("a line is capped, also when every byte of it is escaped", arguments: [LogFormat.human, .json])
  func cap(format: LogFormat) throws {
    let long = String(repeating: "\u{01}", count: 100_000)
    let text = line(format, long, [("a", long), ("b", long), ("c", long)])
    #expect(text.utf8.count <= LineLogHandler.maximumByteCount)
    #expect(text.hasSuffix("\n"))
    if format == .json { #expect(throws: Never.self) { try JSON.parse(text) } }
  }
}
