// `tally pages restore`: makes an earlier version current again.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct RestoreCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Makes an earlier version's content the next version.",
    discussion: """
      The restored content becomes a new version, on top of the current one.

      Examples:
        tally pages restore home --version 2
        tally pages restore home --version 2 --expected-version 5
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var authorship: AuthorOptions

  @Argument(help: "The page's id.") var page: String
  @Argument(help: "The same as --version.") var earlierVersion: Int64?
  @Option(parsing: .unconditional, help: "The version whose content comes back.") var version: Int64?
  @Option(
    parsing: .unconditional,
    help: "Refuse if the page is not at this version. (default: restore over whatever is current)")
  var expectedVersion: Int64?

  func validate() throws {
    if (version == nil) == (earlierVersion == nil) {
      throw ValidationError("name the version to restore with --version")
    }
  }

  func perform() async throws {
    var request = TallystickV1.RestoreVersionRequest()
    request.pageId = page
    request.version = version ?? earlierVersion ?? 0
    request.expectedVersion = if let expectedVersion { expectedVersion } else { try await currentVersion() }
    request.author = authorship.author ?? ""
    try await tally.perform(
      TallystickV1.PageService.restoreVersion, request, connection, output, text: Texts.change)
  }
  private func currentVersion() async throws -> Int64 {
    var request = TallystickV1.GetPageRequest()
    request.pageId = page
    let reply = try await answer(TallystickV1.PageService.getPage, request, connection, output)
    return reply.page?.currentVersion ?? 0
  }
}
