// `tally events`: what has happened to a user that somebody should hear of.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct EventsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "events", abstract: "Lists a user's events, newest first, or follows those of all.",
    discussion: """
      An event comes about when what is available or owed crosses the line of an alert rule \
      ('tally alerts'), when a period of a subscription was not granted, or with a top-up ('tally topups').

      Examples:
        tally events alice
        tally events alice --kind balance_below --from 2026-11-01
        tally events --follow
        tally events --follow alice --after 1200 --json
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  @Argument(help: "The user; with --follow all users without one.") var user: String?

  @Flag(help: "Prints events as they are committed, until Control-C.") var follow = false

  @Option(help: ArgumentHelp("With --follow: begin after this event.", valueName: "id")) var after: Int64?

  @Option(
    parsing: .singleValue, help: "Only events of this kind, such as balance_below. Repeatable.",
    completion: .list(TallystickV1.EventKind.choices.map(\.word)))
  var kind: [String] = []

  @Option(help: "Only events from this time on.")
  var from: String?

  func validate() throws {
    if follow, !kind.isEmpty || from != nil {
      throw ValidationError("--follow takes neither --kind nor --from")
    }
    if !follow, user == nil { throw ValidationError("give the user, or --follow") }
    if let after, !follow || after < 0 || after == Int64.max {
      throw ValidationError("--after is an event's id, and goes with --follow")
    }
  }

  func perform() async throws {
    if follow { return try await followEvents() }
    let user = user ?? ""
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

  private func followEvents() async throws {
    let options = CallOptions(
      actingUserId: connection.actingUser, timeout: connection.timeout.map { .seconds($0) }, retry: .never)
    let watch = connection.client.watchEvents(
      from: after.map { $0 + 1 } ?? 0, users: [user].compactMap(\.self), options: options)
    var events = watch.makeAsyncIterator()
    do throws(TallyError) {
      try await events.begin()
      while let event = try await events.next() {
        System.writeOutput(output.json ? try WatchLines.json(event) : Texts.eventLine(event))
      }
    } catch {
      let status = output.report(error)
      if events.nextSequence > 0 && !output.json && error.reason != "INVALID_FIELD" {
        System.writeError(
          "tally: 'tally events --follow --after \(events.nextSequence - 1)' goes on from there\n")
      }
      throw status
    }
  }
}
