// `tally pages`: the verbs that read, and the small ones that take a page's id.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct PagesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pages", abstract: "Pages, their sections and their versions.",
    discussion: """
      Every change makes a new version and names the one that it was made from, so nobody's change is \
      lost. To edit a page, print it in the form that save reads, change the file, and save it:

        tally pages show home --input > home.json
        tally pages save home home.json

      Examples:
        tally pages create alice --id home --title Welcome
        tally pages show home
        tally pages publish home
      """,
    subcommands: [
      CreatePageCommand.self, ShowPageCommand.self, PageListCommand.self, SavePageCommand.self,
      PatchPageCommand.self, VersionsCommand.self, RestoreCommand.self, PublishCommand.self,
      UnpublishCommand.self, DuplicateCommand.self, DeletePageCommand.self, UndeleteCommand.self,
      PurgeCommand.self,
    ])
}

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
  @Flag(help: "The published version instead of the current one.") var published = false
  @Flag(help: "A deleted page, too.") var deleted = false
  @Option(help: "This version instead of the current one.") var version: Int64?
  @Flag(help: "Print the content as JSON, in the form that save reads.") var input = false

  func validate() throws {
    if version != nil, published || deleted {
      throw ValidationError("--version excludes --published and --deleted")
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

struct PageListCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists a user's pages, newest first.",
    discussion: "Example: tally pages list alice --deleted")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  @Argument(help: "The user.") var user: String
  @Flag(help: "Deleted pages, too.") var deleted = false

  func perform() async throws {
    var request = TallystickV1.ListPagesRequest()
    request.userId = user
    request.includeDeleted = deleted
    request.limit = paging.limit
    request.cursor = paging.cursor
    let reply = try await answer(TallystickV1.PageService.listPages, request, connection, output)
    try show(reply, output) { Texts.pages($0.pages, nextCursor: $0.nextCursor) }
    output.note(empty: reply.pages.isEmpty && reply.nextCursor.isEmpty, "no pages of \(user)")
  }
}

struct VersionsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "versions", abstract: "Lists a page's versions, newest first.",
    discussion: "Example: tally pages versions home")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  @Argument(help: "The page's id.") var page: String

  func perform() async throws {
    var request = TallystickV1.ListVersionsRequest()
    request.pageId = page
    request.limit = paging.limit
    request.cursor = paging.cursor
    try await tally.perform(TallystickV1.PageService.listVersions, request, connection, output) {
      Texts.versions($0.versions, nextCursor: $0.nextCursor)
    }
  }
}

struct PublishCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish", abstract: "Shows a version to the world.",
    discussion: "Example: tally pages publish home --version 3")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The page's id.") var page: String
  @Option(help: "The current one when it is left out.") var version: Int64 = 0

  func perform() async throws {
    var request = TallystickV1.PublishRequest()
    request.pageId = page
    request.version = version
    try await tally.perform(
      TallystickV1.PageService.publish, request, connection, output, text: Texts.change)
  }
}

struct UnpublishCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "unpublish", abstract: "Takes a page back from the world.",
    discussion: "Example: tally pages unpublish home")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The page's id.") var page: String

  func perform() async throws {
    var request = TallystickV1.UnpublishRequest()
    request.pageId = page
    try await tally.perform(
      TallystickV1.PageService.unpublish, request, connection, output, text: Texts.change)
  }
}

struct DeletePageCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Hides a page; undelete brings it back.",
    discussion: "Example: tally pages delete home")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The page's id.") var page: String

  func perform() async throws {
    var request = TallystickV1.DeletePageRequest()
    request.pageId = page
    try await tally.perform(
      TallystickV1.PageService.deletePage, request, connection, output, text: Texts.change)
  }
}

struct UndeleteCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "undelete", abstract: "Brings a deleted page back.",
    discussion: "Example: tally pages undelete home")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The page's id.") var page: String

  func perform() async throws {
    var request = TallystickV1.UndeletePageRequest()
    request.pageId = page
    try await tally.perform(
      TallystickV1.PageService.undeletePage, request, connection, output, text: Texts.change)
  }
}

struct PurgeCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "purge", abstract: "Removes a deleted page and its versions for ever. Media stay.",
    discussion: "Example: tally pages purge home")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The page's id.") var page: String

  func perform() async throws {
    var request = TallystickV1.PurgePageRequest()
    request.pageId = page
    try await tally.perform(TallystickV1.PageService.purgePage, request, connection, output) {
      Texts.facts([("page", page), ("removed", "\($0.versions) versions")])
    }
  }
}
