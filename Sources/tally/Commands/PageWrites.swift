// `tally pages`: the verbs that make a page's next version, or a page.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

/// Who changes a page.
struct AuthorOptions: ParsableArguments {
  @Option(help: "Who makes the change; the acting user when it is left out.")
  var author: String?
}

struct CreatePageCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Makes a page, as its version 1.",
    discussion: """
      The file has the fields of a SavePageRequest: title, settings and sections.

      Examples:
        tally pages create alice --id home --title Welcome
        tally pages create alice --id home --file home.json
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var authorship: AuthorOptions

  @Argument(help: "The user.") var user: String
  @Option(help: "The page's id; made by the server when it is left out.") var id = ""
  @Option(help: "Its title.") var title: String?
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
    request.author = authorship.author ?? content?.author ?? ""
    try await tally.perform(
      TallystickV1.PageService.createPage, request, connection, output, text: Texts.change)
  }
}

struct SavePageCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "save", abstract: "Replaces a page's whole content from a file.",
    discussion: """
      The file has the fields of a SavePageRequest: expectedVersion, title, settings and sections, as \
      'tally pages show --input' prints them. The save is refused when somebody saved since. Images are \
      media of the page's user, by their ids:

        {"expectedVersion": 2, "title": "Welcome", "sections": [
          {"sectionId": "hero", "kind": "hero", "content": "Hello",
           "firstMediaId": "logo"}]}

      Examples:
        tally pages save home home.json
        tally pages save home - --force < home.json
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var authorship: AuthorOptions

  @Argument(help: "The page's id.") var page: String
  @Argument(help: "The content as JSON; - is standard input.", completion: .file()) var file: String
  @Option(help: "The version that the content was made from, instead of the file's.")
  var expectedVersion: Int64?
  @Flag(help: "Save over whatever is there.") var force = false

  func perform() async throws {
    var request = try RequestFile.read(file, as: TallystickV1.SavePageRequest.self)
    // The argument says which page: a file may be one page's content for another.
    request.pageId = page
    request.expectedVersion = expectedVersion ?? request.expectedVersion
    request.force = force || request.force
    request.author = authorship.author ?? request.author
    try await tally.perform(
      TallystickV1.PageService.savePage, request, connection, output, text: Texts.change)
  }
}

struct PatchPageCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "patch", abstract: "Adds, updates, moves and removes sections, from a file.",
    discussion: """
      The file has the fields of a PatchPageRequest:

        {"expectedVersion": 3, "patches": [
          {"move": "hero", "position": 0}, {"remove": "faq"},
          {"update": {"sectionId": "team", "content": "We", "kind": "text"}}]}

      Example: tally pages patch home patch.json
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var authorship: AuthorOptions

  @Argument(help: "The page's id.") var page: String
  @Argument(help: "The patch as JSON; - is standard input.", completion: .file()) var file: String
  @Option(help: "The version that the patch was made from, instead of the file's.")
  var expectedVersion: Int64?

  func perform() async throws {
    var request = try RequestFile.read(file, as: TallystickV1.PatchPageRequest.self)
    request.pageId = page
    request.expectedVersion = expectedVersion ?? request.expectedVersion
    request.author = authorship.author ?? request.author
    try await tally.perform(TallystickV1.PageService.patchPage, request, connection, output) { reply in
      Texts.change(reply) + (reply.rebased ? Texts.facts([("rebased", "onto a newer version")]) : "")
    }
  }
}

struct RestoreCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Makes an earlier version's content the next version.",
    discussion: "Example: tally pages restore home 2 --expected-version 5")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var authorship: AuthorOptions

  @Argument(help: "The page's id.") var page: String
  @Argument(help: "The version whose content comes back.") var version: Int64
  @Option(help: "The current version, as you know it.") var expectedVersion: Int64

  func perform() async throws {
    var request = TallystickV1.RestoreVersionRequest()
    request.pageId = page
    request.version = version
    request.expectedVersion = expectedVersion
    request.author = authorship.author ?? ""
    try await tally.perform(
      TallystickV1.PageService.restoreVersion, request, connection, output, text: Texts.change)
  }
}

struct DuplicateCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "duplicate", abstract: "Copies a page's current version as a new page of its user.",
    discussion: "Example: tally pages duplicate home --id home-2 --title 'Hello again'")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var authorship: AuthorOptions

  @Argument(help: "The page's id.") var page: String
  @Option(help: "The copy's id; made by the server when it is left out.") var id = ""
  @Option(help: "The copy's title; the original's when it is left out.") var title = ""

  func perform() async throws {
    var request = TallystickV1.DuplicatePageRequest()
    request.pageId = page
    request.newPageId = id
    request.title = title
    request.author = authorship.author ?? ""
    try await tally.perform(
      TallystickV1.PageService.duplicatePage, request, connection, output, text: Texts.change)
  }
}
