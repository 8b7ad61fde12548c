// `tally media create`: registers an image.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

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
