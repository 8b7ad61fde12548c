// `tally media show`: one image.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

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
