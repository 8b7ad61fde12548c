// `tally media`: the images that pages show.

internal import ArgumentParser

struct MediaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "media", abstract: "Images of users, uploaded or generated.",
    discussion: """
      Examples:
        tally media create alice --id logo --url https://cdn.example.com/logo.png \\
          --width 640 --height 480
        tally media list alice
      """,
    subcommands: [
      CreateMediaCommand.self, ShowMediaCommand.self, ListMediaCommand.self, DeleteMediaCommand.self,
    ])
}
