// `tally pages slug`: gives a page a slug.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct SlugCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "slug", abstract: "Gives a page a slug, by which its user's pages are found.",
    discussion: """
      A slug has lower-case letters, digits and '-', in parts divided by '/'. It makes no version.

      Examples:
        tally pages slug home about/team
        tally pages slug home --none
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The page's id.") var page: String
  @Argument(help: "The slug.") var slug: String?
  @Flag(help: "Take the page's slug away.") var none = false

  func validate() throws {
    if (slug == nil) != none { throw ValidationError("name a slug, or --none") }
  }

  func perform() async throws {
    var request = TallystickV1.SetPageSlugRequest()
    request.pageId = page
    request.slug = slug ?? ""
    try await tally.perform(
      TallystickV1.PageService.setPageSlug, request, connection, output, text: Texts.change)
  }
}
