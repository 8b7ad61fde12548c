// `tally pages save`: replaces a page's content.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct SavePageCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "save", abstract: "Replaces a page's whole content from a file.",
    discussion: """
      The file has the fields of a SavePageRequest: expectedVersion, title, settings and sections, as \
      'tally pages show --input' prints them. The save is refused if the page is no longer at \
      expectedVersion. Images are the ids of media that belong to the page's user:

        {"expectedVersion": 2, "title": "Welcome", "sections": [
          {"sectionId": "hero", "kind": "hero", "content": "Hello",
           "firstMediaId": "logo"}]}

      Examples:
        tally pages save home home.json
        tally pages save home - --force < home.json
        tally pages save home draft.json --autosave
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var authorship: AuthorOptions

  @Argument(help: "The page's id.") var page: String
  @Argument(help: "The content as JSON; - is standard input.", completion: .file()) var file: String
  @Option(
    parsing: .unconditional,
    help: "The version the content is based on. (default: the file's expectedVersion)")
  var expectedVersion: Int64?
  @Flag(help: "Save whatever the current version is.") var force = false

  @Flag(help: "Make a version that is thinned with time: one an hour for a day, one a day for 30 days.")
  var autosave = false

  func perform() async throws {
    var request = try RequestFile.read(file, as: TallystickV1.SavePageRequest.self)
    // The argument decides which page is saved, since the file may come from another page.
    request.pageId = page
    request.expectedVersion = expectedVersion ?? request.expectedVersion
    request.force = force || request.force
    request.autosave = autosave || request.autosave
    request.author = authorship.author ?? request.author
    try await tally.perform(
      TallystickV1.PageService.savePage, request, connection, output, text: Texts.change)
  }
}
