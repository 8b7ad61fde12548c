// `tally usage`: runs of AI generation, and what users have used of their plans.

internal import ArgumentParser

struct UsageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "usage", abstract: "Runs of AI generation, and how much users have used of their plans.",
    discussion: """
      A run is either begun and finished, which holds and charges credit, or recorded after the fact, \
      which does not. Repeating a call with the same run id has no further effect.

      Examples:
        tally usage begin alice run-7 --model gpt-x --type text --estimate 0.50
        tally usage finish run-7 --input-tokens 1200 --output-tokens 350
        tally usage month alice
      """,
    subcommands: [
      BeginRunCommand.self, FinishRunCommand.self, RecordRunCommand.self, ShowRunCommand.self,
      RunsCommand.self, MonthCommand.self, UsedCapsCommand.self, QuotaCommand.self,
    ])
}
