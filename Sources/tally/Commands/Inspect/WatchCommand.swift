// `tally watch`: the ledger as it grows.

internal import ArgumentParser
internal import TallyClient
internal import TallyCore
internal import TallyMessages
internal import TallyProtoJSON

struct WatchCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "Prints the ledger's rows as they are committed, until Control-C.",
    discussion: """
      Without --from it begins with the next row; with it, all rows from that one on come first. It goes on \
      by itself when the server was restarted. With --json, each row is one JSON object on its own line.

      Examples:
        tally watch
        tally watch --user alice --user bob
        tally watch --from txn-1200 --json
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Only this user's rows. Repeatable.", valueName: "user"))
  var user: [String] = []

  @Option(help: ArgumentHelp("Begin with this row: its id or its number.", valueName: "transaction"))
  var from: String?

  func validate() throws {
    if let from, Self.sequence(from) == nil {
      throw ValidationError("--from must be a transaction's id, such as txn-17, or its number, not \(from)")
    }
  }

  private static func sequence(_ text: String) -> Int64? {
    let sequence = Identifiers.transactionSequence(text) ?? Int64(text)
    return sequence.flatMap { $0 > 0 ? $0 : nil }
  }

  func perform() async throws {
    let options = CallOptions(
      actingUserId: connection.actingUser, timeout: connection.timeout.map { .seconds($0) }, retry: .never)
    let watch = connection.client.watchTransactions(
      from: from.flatMap(Self.sequence) ?? 0, users: user, options: options)
    var rows = watch.makeAsyncIterator()
    let lines = WatchLines(columns: output.columns)
    do throws(TallyError) {
      try await rows.begin()
      if !output.json { System.writeOutput(lines.heading) }
      while let row = try await rows.next() {
        System.writeOutput(output.json ? try WatchLines.json(row) : lines.line(row))
      }
    } catch {
      let status = output.report(error)
      if rows.nextSequence > 0 && !output.json && error.reason != "INVALID_FIELD" {
        System.writeError("tally: 'tally watch --from \(rows.nextSequence)' goes on from there\n")
      }
      throw status
    }
  }
}

/// Rows as lines below one heading. Their number is not known before, so columns have widths of their own.
struct WatchLines {
  private static let table = Table([
    ("TIME", .time), ("ID", .left), ("USER", .left), ("TYPE", .left), ("AMOUNT", .amount),
    ("AVAILABLE", .amount), ("DETAIL", .left),
  ])

  /// On a line of its own.
  static func json<Row: Message>(_ row: Row) throws(TallyError) -> String {
    do { return try tally.json(row).compact + "\n" } catch {
      throw TallyError(.internalError, reason: "", "the row cannot be shown: \(error)")
    }
  }

  /// The terminal's; nil prints all.
  var columns: Int?

  private var widths: [Int] { [columns == nil ? 27 : 16, 9, 14, 12, 12, 12, 0] }

  var heading: String { Self.table.heading(widths: widths, within: columns) }

  func line(_ row: TallystickV1.Transaction) -> String {
    let held = Texts.held(row)
    let amount = held == "-" ? Dollars.format(row.amountMicros) : "(\(held))"
    let cells = [
      Timestamp.format(row.createdAtMicros), row.transactionId, row.userId, row.type.word, amount,
      Dollars.format(row.availableAfterMicros), Texts.detail(row),
    ]
    return Self.table.line(cells, widths: widths, within: columns)
  }
}
