// `tally pages create`: makes a page.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct CreatePageCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Creates a page.",
    discussion: """
      The file has the fields of a SavePageRequest: title, settings and sections.

      Examples:
        tally pages create alice --id home --title Welcome --slug welcome
        tally pages create alice --id home --file home.json
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var authorship: AuthorOptions

  @Argument(help: "The user.") var user: String
  @Option(help: "The page's id. (default: the server makes one)") var id = ""
  @Option(help: "The page's title.") var title: String?
  @Option(help: "The page's slug.") var slug = ""
  @Option(
    help: ArgumentHelp("The content as JSON; - is standard input.", valueName: "path"), completion: .file())
  var file: String?

  func perform() async throws {
    let content = try file.map { try RequestFile.read($0, as: TallystickV1.SavePageRequest.self) }
    var request = TallystickV1.CreatePageRequest()
    request.userId = user
    request.pageId = id
    request.title = title ?? content?.title ?? ""
    request.settings = content?.settings ?? ""
    request.sections = content?.sections ?? []
    request.slug = slug
    request.author = authorship.author ?? content?.author ?? ""
    try await tally.perform(
      TallystickV1.PageService.createPage, request, connection, output, text: Texts.change)
  }
}
