// `tally users`: who there is, with which rights, and how often they may call.

internal import ArgumentParser

struct UsersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "users",
    abstract: "Users: settings, subscriptions, balances, usage and rate limits. Role: admin.",
    discussion: """
      Examples:
        tally users list --plan pro
        tally users set alice --plan pro --approval approved
        tally users subscribe alice pro --start 2026-11-30
        tally users limit alice --per-second 20 --burst 40
      """,
    subcommands: [
      ListUsersCommand.self, ShowUserCommand.self, SetUserCommand.self, SubscribeCommand.self,
      UnsubscribeCommand.self, LimitCommand.self, LimitsCommand.self,
    ])
}
