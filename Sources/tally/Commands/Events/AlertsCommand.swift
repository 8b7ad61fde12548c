// `tally alerts`: the rules that say of whom one hears what.

internal import ArgumentParser

struct AlertsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "alerts",
    abstract: "Alert rules: which lines make an event when they are crossed. Role: admin.",
    discussion: """
      Examples:
        tally alerts put low --every-user --balance-below 5
        tally alerts list
        tally alerts delete low
      """,
    subcommands: [PutAlertCommand.self, ListAlertsCommand.self, DeleteAlertCommand.self])
}
