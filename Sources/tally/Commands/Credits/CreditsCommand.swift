// `tally credits`: balances, charges, grants, refunds, holds and the ledger.

internal import ArgumentParser

struct CreditsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "credits", abstract: "Balances, charges, grants, refunds, holds and the ledger.",
    discussion: """
      Amounts are dollars, such as 1.25. Leave the dollar sign out: a shell expands "$1.25" to .25 and \
      "$10" to 0. With --micros, amounts are millionths of a dollar (micro-USD).

      Examples:
        tally credits purchase alice 10 --payment pi_42
        tally credits consume alice 0.25
        tally credits balance alice bob
      """,
    subcommands: [
      BalanceCommand.self, ConsumeCommand.self, PurchaseCommand.self, GrantCommand.self,
      PromoCommand.self, AdjustCommand.self, RefundCommand.self, ReverseCommand.self, ReinstateCommand.self,
      VoidCommand.self, ForgiveCommand.self, ReserveCommand.self, ExtendCommand.self, CaptureCommand.self,
      ReleaseCommand.self, HoldsCommand.self, ListTransactionsCommand.self, ShowTransactionCommand.self,
    ])
}
