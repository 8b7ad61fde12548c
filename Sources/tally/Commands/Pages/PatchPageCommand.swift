// `tally pages patch`: changes single sections.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

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
  @Option(
    parsing: .unconditional, help: "The version the patch is based on. (default: the file's expectedVersion)")
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
