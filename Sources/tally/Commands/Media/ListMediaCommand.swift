// `tally media list`: a user's images.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ListMediaCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists a user's images, newest first.",
    discussion: "Example: tally media list alice --source upload")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  @Argument(help: "The user.") var user: String
  @Option(help: "Only images of this source.") var source: MediaOrigin?

  func perform() async throws {
    var request = TallystickV1.ListMediaRequest()
    request.userId = user
    if let source { request.source = source.source }
    request.limit = paging.limit
    request.cursor = paging.cursor
    let reply = try await answer(TallystickV1.PageService.listMedia, request, connection, output)
    try show(reply, output) { Texts.media($0.media, nextCursor: $0.nextCursor) }
    if reply.media.isEmpty && reply.nextCursor.isEmpty {
      await output.noteEmpty("media", of: user, connection)
    }
  }
}
