// `tally topups`: whose credit is topped up when it runs low, and the intents that come of it.

internal import ArgumentParser

struct TopUpsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "topups",
    abstract: "Top-ups (auto recharge): settings, and the intents that workers take.",
    discussion: """
      When what is available to a user falls below the threshold, an intent is opened. A worker takes it, \
      charges the user, and adds the purchase with --intent; or it says that it failed.

      Examples:
        tally topups put alice --below 5 --target 20 --cap 100 --cooldown 3600
        tally topups take worker-1
        tally credits purchase alice 18.50 --payment pi_1 --intent intent-1
        tally topups list
      """,
    subcommands: [
      PutTopUpCommand.self, ShowTopUpCommand.self, ListTopUpsCommand.self, TakeTopUpCommand.self,
      FailTopUpCommand.self, CancelTopUpCommand.self,
    ])
}
