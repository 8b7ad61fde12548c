// `tally pages show`: one page.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ShowPageCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows a page with its sections.",
    discussion: """
      Examples:
        tally pages show home
        tally pages show home --published
        tally pages show home --version 2 --input
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The page's id.") var page: String
  @Flag(help: "Show the published version instead of the current one.") var published = false
  @Flag(help: "Show the page even if it is deleted.") var deleted = false
  @Option(parsing: .unconditional, help: "Show this version instead of the current one.") var version: Int64?
  @Flag(help: "Print the content as JSON, in the form that 'save' reads.") var input = false

  func validate() throws {
    if version != nil, published || deleted {
      throw ValidationError("--version cannot be combined with --published or --deleted")
    }
  }

  func perform() async throws {
    if let version {
      var request = TallystickV1.GetVersionRequest()
      request.pageId = page
      request.version = version
      return try await show(TallystickV1.PageService.getVersion, request) { $0.page }
    }
    var request = TallystickV1.GetPageRequest()
    request.pageId = page
    request.published = published
    request.includeDeleted = deleted
    try await show(TallystickV1.PageService.getPage, request) { $0.page }
  }

  private func show<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, _ request: Request, page: (Response) -> TallystickV1.Page?
  ) async throws {
    guard input else {
      return try await tally.perform(rpc, request, connection, output) { page($0).map(Texts.page) ?? "" }
    }
    let reply = try await answer(rpc, request, connection, output)
    let content = TallystickV1.SavePageRequest(content: page(reply) ?? TallystickV1.Page())
    System.writeOutput(try json(content).pretty + "\n")
  }
}
