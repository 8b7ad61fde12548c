// `tally media delete`: removes an image.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct DeleteMediaCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Deletes an image that no page uses.",
    discussion: "Example: tally media delete logo --detach")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var authorship: AuthorOptions

  @Argument(help: "The image's id.") var media: String
  @Flag(help: "Take the image out of the pages that use it; each gets a new version.") var detach = false

  func perform() async throws {
    var request = TallystickV1.DeleteMediaRequest()
    request.mediaId = media
    request.detach = detach
    request.author = authorship.author ?? ""
    try await tally.perform(TallystickV1.PageService.deleteMedia, request, connection, output) { reply in
      Self.text(media, reply)
    }
  }

  static func text(_ media: String, _ reply: TallystickV1.DeleteMediaResponse) -> String {
    var facts = [("deleted", media + (reply.replayed ? " (replayed)" : ""))]
    facts += reply.detachedPageIds.map { ("taken out of", $0) }
    if reply.remainingPageCount > 0 {
      facts.append(("to go", "\(Texts.count(Int64(reply.remainingPageCount))) pages, soon"))
    }
    return Texts.facts(facts)
  }
}
