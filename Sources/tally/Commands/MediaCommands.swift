// `tally media`: the images that pages show.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct MediaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "media", abstract: "Images of users, uploaded or generated.",
    discussion: """
      Examples:
        tally media create alice --id logo --url https://cdn.example.com/logo.png \\
          --width 640 --height 480
        tally media list alice
      """,
    subcommands: [
      CreateMediaCommand.self, ShowMediaCommand.self, ListMediaCommand.self, DeleteMediaCommand.self,
    ])
}

enum MediaOrigin: String, CaseIterable, ExpressibleByArgument {
  case upload
  case generated

  var source: TallystickV1.MediaSource { self == .upload ? .upload : .generated }
}

struct CreateMediaCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Registers an image. An upload counts against the quota.",
    discussion: """
      Examples:
        tally media create alice --id logo --url https://cdn.example.com/logo.png \\
          --width 640 --height 480
        tally media create alice --url https://cdn.example.com/7.webp \\
          --source generated --run run-7
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user.") var user: String
  @Option(help: "The image's id; made by the server when it is left out.") var id = ""
  @Option(help: "Where it is.") var url: String
  @Option(help: "In pixels.") var width: Int32 = 0
  @Option(help: "In pixels.") var height: Int32 = 0
  @Option(help: "Its size.") var bytes: Int64 = 0
  @Option(help: "Its media type, such as image/png.") var mime = ""
  @Option(help: "Where it comes from.") var source: MediaOrigin = .upload
  @Option(help: "The run that generated it.") var run = ""

  func perform() async throws {
    var request = TallystickV1.CreateMediaRequest()
    request.userId = user
    request.mediaId = id
    request.url = url
    request.width = width
    request.height = height
    request.byteCount = bytes
    request.mimeType = mime
    request.source = source.source
    request.runId = run
    try await tally.perform(TallystickV1.PageService.createMedia, request, connection, output) { reply in
      reply.media.map { Texts.media($0, replayed: reply.replayed) } ?? ""
    }
  }
}

struct ShowMediaCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows one image.", discussion: "Example: tally media show logo")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The image's id.") var media: String

  func perform() async throws {
    var request = TallystickV1.GetMediaRequest()
    request.mediaId = media
    try await tally.perform(TallystickV1.PageService.getMedia, request, connection, output) {
      $0.media.map { Texts.media($0) } ?? ""
    }
  }
}

struct ListMediaCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists a user's images, newest first.",
    discussion: "Example: tally media list alice --source upload")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  @Argument(help: "The user.") var user: String
  @Option(help: "Only of this source.") var source: MediaOrigin?

  func perform() async throws {
    var request = TallystickV1.ListMediaRequest()
    request.userId = user
    if let source { request.source = source.source }
    request.limit = paging.limit
    request.cursor = paging.cursor
    let reply = try await answer(TallystickV1.PageService.listMedia, request, connection, output)
    try show(reply, output) { Texts.media($0.media, nextCursor: $0.nextCursor) }
    output.note(empty: reply.media.isEmpty && reply.nextCursor.isEmpty, "no such media of \(user)")
  }
}

struct DeleteMediaCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Removes an image that no page uses.",
    discussion: "Example: tally media delete logo --detach")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var authorship: AuthorOptions

  @Argument(help: "The image's id.") var media: String
  @Flag(help: "Take it out of the pages that use it; each gets a new version.") var detach = false

  func perform() async throws {
    var request = TallystickV1.DeleteMediaRequest()
    request.mediaId = media
    request.detach = detach
    request.author = authorship.author ?? ""
    try await tally.perform(TallystickV1.PageService.deleteMedia, request, connection, output) { reply in
      Texts.facts(
        [("deleted", media + (reply.replayed ? " (replayed)" : ""))]
          + reply.detachedPageIds.map { ("taken out of", $0) })
    }
  }
}
