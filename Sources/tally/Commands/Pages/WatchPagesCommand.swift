// `tally pages watch`: pages as they change.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct WatchPagesCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "Prints changes of pages as they are committed, until Control-C.",
    discussion: """
      Without --from it begins with the next change. With it each page that has changed since comes first, \
      once, by its last change; --from 1 begins with all pages there are. It goes on by itself when the \
      server was restarted. With --json, each change is one JSON object on its own line.

      Examples:
        tally pages watch
        tally pages watch --user alice --from 1
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Only this user's pages. Repeatable.", valueName: "user"))
  var user: [String] = []

  @Option(help: ArgumentHelp("Begin with the change of this number.", valueName: "number"))
  var from: Int64 = 0

  func perform() async throws {
    let options = CallOptions(
      actingUserId: connection.actingUser, timeout: connection.timeout.map { .seconds($0) }, retry: .never)
    let watch = connection.client.watchPages(from: from, users: user, options: options)
    var updates = watch.makeAsyncIterator()
    let lines = PageLines(columns: output.columns)
    do throws(TallyError) {
      try await updates.begin()
      if !output.json { System.writeOutput(lines.heading) }
      while let update = try await updates.next() {
        System.writeOutput(output.json ? try WatchLines.json(update) : lines.line(update))
      }
    } catch {
      let status = output.report(error)
      if updates.nextSequence > 0 && !output.json && error.reason != "INVALID_FIELD" {
        System.writeError("tally: 'tally pages watch --from \(updates.nextSequence)' goes on from there\n")
      }
      throw status
    }
  }
}

/// Changes as lines below one heading, in columns of their own widths.
private struct PageLines {
  private static let table = Table([
    ("TIME", .time), ("NUMBER", .right), ("USER", .left), ("PAGE", .left), ("CHANGE", .left),
    ("VERSION", .right), ("TITLE", .left),
  ])

  var columns: Int?

  private var widths: [Int] { [columns == nil ? 27 : 16, 8, 14, 20, 18, 7, 0] }

  var heading: String { Self.table.heading(widths: widths, within: columns) }

  func line(_ update: TallystickV1.PageUpdate) -> String {
    let cells = [
      Timestamp.format(update.atMicros), "\(update.updateNumber)", update.userId, update.pageId,
      update.kind.word, update.page.map { "\($0.currentVersion)" } ?? "-", update.page?.title ?? "",
    ]
    return Self.table.line(cells, widths: widths, within: columns)
  }
}
