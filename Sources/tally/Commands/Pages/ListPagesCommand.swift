// `tally pages list`: a user's pages.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ListPagesCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists a user's pages, newest first.",
    discussion: "Example: tally pages list alice --deleted")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  @Argument(help: "The user.") var user: String
  @Flag(help: "List deleted pages as well.") var deleted = false

  func perform() async throws {
    var request = TallystickV1.ListPagesRequest()
    request.userId = user
    request.includeDeleted = deleted
    request.limit = paging.limit
    request.cursor = paging.cursor
    let reply = try await answer(TallystickV1.PageService.listPages, request, connection, output)
    try show(reply, output) { Texts.pages($0.pages, nextCursor: $0.nextCursor) }
    if reply.pages.isEmpty && reply.nextCursor.isEmpty {
      await output.noteEmpty("pages", of: user, connection)
    }
  }
}
