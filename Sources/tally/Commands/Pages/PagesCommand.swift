// `tally pages`: pages, their sections and their versions.

internal import ArgumentParser

struct PagesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pages", abstract: "Pages, their sections and their versions.",
    discussion: """
      Every change makes a new version and names the version it is based on, so that nobody overwrites \
      another's change unseen. To edit a page, print it in the form that 'save' reads, edit the file, and \
      save it:

        tally pages show home --input > home.json
        tally pages save home home.json

      Examples:
        tally pages create alice --id home --title Welcome
        tally pages show home
        tally pages publish home
      """,
    subcommands: [
      CreatePageCommand.self, ShowPageCommand.self, ListPagesCommand.self, SavePageCommand.self,
      PatchPageCommand.self, VersionsCommand.self, RestoreCommand.self, PublishCommand.self,
      UnpublishCommand.self, ScheduleCommand.self, UnscheduleCommand.self, SlugCommand.self,
      FindPageCommand.self, SearchPagesCommand.self, DiffCommand.self, DuplicateCommand.self,
      DeletePageCommand.self, UndeleteCommand.self, PurgeCommand.self, WatchPagesCommand.self,
    ])
}
