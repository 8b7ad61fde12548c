// `tally caps`: what a user may spend or begin within a window, beside the plan's caps.

internal import ArgumentParser

struct CapsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "caps",
    abstract: "What users and their spenders may spend or begin within a window. Role: admin.",
    discussion: """
      Examples:
        tally caps put alice --cap daily=money,day,5
        tally caps put alice --spender bot --cap burst=generations,1h,20
        tally caps list alice
      """,
    subcommands: [PutCapsCommand.self, ListCapsCommand.self])
}
