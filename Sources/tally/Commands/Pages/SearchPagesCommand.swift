// `tally pages search`: a user's pages that have some words.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct SearchPagesCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "search", abstract: "Lists a user's pages that have all of some words, the best first.",
    discussion: """
      What was searched for stands in brackets. Quotes make a phrase of words, a star leaves the end of a \
      word open.

      Examples:
        tally pages search alice pricing team
        tally pages search alice '"annual plan"' 'disc*'
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: "The words.") var words: [String]

  func perform() async throws {
    var request = TallystickV1.SearchPagesRequest()
    request.userId = user
    request.query = words.joined(separator: " ")
    request.limit = paging.limit
    request.cursor = paging.cursor
    let reply = try await answer(TallystickV1.PageService.searchPages, request, connection, output)
    try show(reply, output) { Texts.matches($0.matches, nextCursor: $0.nextCursor) }
    if reply.matches.isEmpty && reply.nextCursor.isEmpty {
      await output.noteEmpty("pages", of: user, connection)
    }
  }
}
