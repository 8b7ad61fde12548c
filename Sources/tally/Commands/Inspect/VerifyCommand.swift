// `tally verify`: proves the books, on a running server or on a file.

internal import ArgumentParser
internal import TallyClient
internal import TallyCore
internal import TallyMessages
internal import TallyProtoJSON
internal import TallySQLiteStore

struct VerifyCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Proves that ledger, balances, holds and the file agree.",
    discussion: """
      Prints one line for each check, with how much was examined and how long it took, and below it the \
      rows that violate it. With --json, each check is one JSON object on its own line. The exit status is \
      1 if there is any violation. A running server is read in snapshots, so writes go on meanwhile; a \
      file can only be verified while no server uses it.

      Examples:
        tally verify
        tally verify --file /var/lib/tallystick
        tally verify --json
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Option(
    help: ArgumentHelp(
      "Verify this database file, or the one in this directory, instead of a server.", valueName: "path"),
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
    if report.checkCount == 0 { throw Failure(.software, "the server reported no checks") }
    if report.violations > 0 { throw tally.ExitStatus.refused.code }
  }

  private func verifyServer(_ report: inout VerifyPrinter) async throws {
    do {
      let rpc = TallystickV1.AdminService.verify
      for try await part in try await connection.client.stream(rpc, TallystickV1.VerifyRequest()) {
        report.add(
          VerifyPart(
            check: Int(part.check), title: part.title, isDone: part.done, examined: part.examined,
            total: part.total, exempt: part.exempt, violations: part.violations, findings: part.findings,
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
      userApprovals: try Self.numbers("tallystick.v1.UserApproval"),
      eventKinds: try Self.numbers("tallystick.v1.EventKind"),
      pageUpdateKinds: try Self.numbers("tallystick.v1.PageUpdateKind"),
      intentStates: try Self.numbers("tallystick.v1.TopUpIntentState"))
    do throws(StoreError) {
      _ = try Verifier.verify(file: path, enums: enums) { part in
        report.add(
          VerifyPart(
            check: part.check, title: part.title, isDone: part.isDone, examined: part.examined,
            total: part.total, exempt: part.exempt, violations: part.violations, findings: part.findings,
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
