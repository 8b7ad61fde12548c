// `tally pages find`: the page of a slug.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct FindPageCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "find", abstract: "Shows the user's page of a slug.",
    discussion: "Example: tally pages find alice about/team --published")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: "The slug.") var slug: String
  @Flag(help: "Show the published version instead of the current one.") var published = false

  func perform() async throws {
    var request = TallystickV1.GetPageBySlugRequest()
    request.userId = user
    request.slug = slug
    request.published = published
    try await tally.perform(TallystickV1.PageService.getPageBySlug, request, connection, output) {
      $0.page.map(Texts.page) ?? ""
    }
  }
}
