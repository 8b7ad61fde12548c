// `tally media create`: registers an image.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct CreateMediaCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Registers an image. Uploads count against the user's quota.",
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
  @Option(help: "The image's id. (default: the server makes one)") var id = ""
  @Option(help: "The URL of the image.") var url: String
  @Option(parsing: .unconditional, help: "The width in pixels.") var width: Int32?
  @Option(parsing: .unconditional, help: "The height in pixels.") var height: Int32?
  @Option(parsing: .unconditional, help: "The size in bytes.") var bytes: Int64?
  @Option(help: "The media type, such as image/png.") var mime = ""
  @Option(help: "Where the image comes from.") var source: MediaOrigin = .upload
  @Option(help: "The run that generated it.") var run = ""

  func perform() async throws {
    var request = TallystickV1.CreateMediaRequest()
    request.userId = user
    request.mediaId = id
    request.url = url
    request.width = width ?? 0
    request.height = height ?? 0
    request.byteCount = bytes ?? 0
    request.mimeType = mime
    request.source = source.source
    request.runId = run
    try await tally.perform(TallystickV1.PageService.createMedia, request, connection, output) { reply in
      reply.media.map { Texts.media($0, replayed: reply.replayed) } ?? ""
    }
  }
}
