// `tally events`: what has happened to a user that somebody should hear of.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct EventsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "events", abstract: "Lists a user's events, newest first.",
    discussion: """
      An event comes about when what is available or owed crosses the line of an alert rule \
      ('tally alerts'), when a period of a subscription was not granted, or with a top-up ('tally topups').

      Examples:
        tally events alice
        tally events alice --kind balance_below --from 2026-11-01
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  @Argument(help: "The user.") var user: String

  @Option(
    parsing: .singleValue, help: "Only events of this kind, such as balance_below. Repeatable.",
    completion: .list(TallystickV1.EventKind.choices.map(\.word)))
  var kind: [String] = []

  @Option(help: "Only events from this time on.")
  var from: String?

  func perform() async throws {
    var request = TallystickV1.ListEventsRequest()
    request.userId = user
    request.limit = paging.limit
    request.cursor = paging.cursor
    request.fromMicros = try Times.parseRange(from: from, to: nil).0
    request.kinds = try TallystickV1.EventKind.parse(kind, among: TallystickV1.EventKind.choices)
    let reply = try await answer(TallystickV1.UsageService.listEvents, request, connection, output)
    try show(reply, output) { Texts.events($0.events) + Texts.more($0.nextCursor) }
    if reply.events.isEmpty && reply.nextCursor.isEmpty {
      await output.noteEmpty("events", of: user, connection)
    }
  }
}
