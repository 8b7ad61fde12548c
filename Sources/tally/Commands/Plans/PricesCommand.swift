// `tally prices`: the book of prices.

internal import ArgumentParser

struct PricesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prices", abstract: "The book of prices: what runs cost, and from when on.",
    discussion: """
      Examples:
        tally prices put gpt-x input=3 output=15 cache_read=0.30
        tally prices list --model gpt-x
      """,
    subcommands: [PutPricesCommand.self, ListPricesCommand.self])
}
