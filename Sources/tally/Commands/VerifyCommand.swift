// `tally verify`: proves the books, on a running server or on a file.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyCore
internal import TallyMessages
internal import TallyProtoJSON
internal import TallySQLiteStore

struct VerifyCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Proves that balances, ledger, holds and file agree.",
    discussion: """
      One line a check, with what was examined and how long it took; the rows that break it below. With \
      --json a check is one JSON object on a line of its own. The exit status is 1 if anything breaks. On \
      a running server it reads snapshots and keeps no writer waiting; a file must not be served meanwhile.

      Examples:
        tally verify
        tally verify --file /var/lib/tallystick
        tally verify --json
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Option(
    help: ArgumentHelp("A database file, or the directory that holds it.", valueName: "path"),
    completion: .file())
  var file: String?

  func perform() async throws {
    var report = VerifyPrinter(isJSON: output.json)
    if let file {
      try verify(file: file, &report)
    } else {
      try await verifyServer(&report)
    }
    report.finish()
    if report.checkCount == 0 { throw Failure(.software, "nothing was checked") }
    if report.violations > 0 { throw tally.ExitStatus.refused.code }
  }

  private func verifyServer(_ report: inout VerifyPrinter) async throws {
    do {
      let rpc = TallystickV1.AdminService.verify
      for try await part in try await connection.client.stream(rpc, TallystickV1.VerifyRequest()) {
        report.add(
          VerifyPart(
            check: Int(part.check), title: part.title, isDone: part.done, examined: part.examined,
            total: part.total, violations: part.violations, findings: part.findings,
            elapsedMicros: part.elapsedMicros))
      }
    } catch {
      report.finish()
      throw output.report(error)
    }
  }

  private func verify(file: String, _ report: inout VerifyPrinter) throws {
    let path = System.isDirectory(file) ? "\(file)/\(Self.databaseName)" : file
    guard System.isThere(path) else { throw Failure(.noInput, "there is no file \(path)") }
    let enums = VerifyEnums(
      transactionTypes: try Self.numbers("tallystick.v1.TransactionType"),
      holdStates: try Self.numbers("tallystick.v1.HoldState"),
      runStatuses: try Self.numbers("tallystick.v1.RunStatus"),
      mediaSources: try Self.numbers("tallystick.v1.MediaSource"),
      userRoles: try Self.numbers("tallystick.v1.UserRole"),
      userApprovals: try Self.numbers("tallystick.v1.UserApproval"))
    do throws(StoreError) {
      _ = try Verifier.verify(file: path, enums: enums) { part in
        report.add(
          VerifyPart(
            check: part.check, title: part.title, isDone: part.isDone, examined: part.examined,
            total: part.total, violations: part.violations, findings: part.findings,
            elapsedMicros: part.elapsedMicros))
      }
    } catch {
      report.finish()
      throw Failure(error.exitStatus, error.description)
    }
  }

  static let databaseName = "tally.db"

  /// The numbers of an enum of the protos, without its zero.
  private static func numbers(_ name: String) throws -> [Int32] {
    return try DescriptorPool.embedded().enumeration(name).values.map(\.number).filter { $0 != 0 }
  }
}

/// A check's progress or its end, wherever it comes from.
struct VerifyPart {
  var check: Int
  var title: String
  var isDone: Bool
  var examined: Int64
  var total: Int64
  var violations: Int64
  var findings: [String]
  var elapsedMicros: Int64

  /// Its line, and one for each finding.
  var text: String {
    let mark = violations == 0 ? "ok  " : "FAIL"
    let seconds =
      "\(elapsedMicros / 1_000_000).\("\(1_000_000 + elapsedMicros % 1_000_000)".dropFirst().prefix(3))"
    let space = String(repeating: " ", count: max(0, Self.titleWidth - title.count))
    var line =
      "\(mark)  \(check)  \(title)\(space)  \(Dollars.grouped(examined.magnitude)) examined, \(seconds) s"
    if violations > 0 { line += ", \(Dollars.grouped(violations.magnitude)) violations" }
    let rows = findings.map { "\n         " + JSON.plain($0) }
    let isCut = Int64(findings.count) < violations
    return line + rows.joined() + (isCut ? "\n         ..." : "") + "\n"
  }

  private static let titleWidth = 56

  var json: JSON {
    .object([
      .init("check", .integer(check)), .init("title", .string(title)),
      .init("ok", .bool(violations == 0)), .init("examined", .integer(examined)),
      .init("violations", .integer(violations)), .init("findings", .array(findings.map(JSON.string))),
      .init("elapsedMicros", .integer(elapsedMicros)),
    ])
  }
}

/// Prints checks as they end, and a bar while they go on.
struct VerifyPrinter {
  let isJSON: Bool
  private var bar = ProgressBar()
  private(set) var violations: Int64 = 0
  private(set) var checkCount = 0

  init(isJSON: Bool) {
    self.isJSON = isJSON
  }

  mutating func add(_ part: VerifyPart) {
    guard part.isDone else {
      return bar.show(part.title, done: part.examined, total: part.total)
    }
    bar.clear()
    checkCount += 1
    violations = violations.addingSaturating(part.violations)
    System.writeOutput(isJSON ? part.json.compact + "\n" : part.text)
  }

  mutating func finish() { bar.clear() }
}
