// `tally plans`: what subscriptions grant.

internal import ArgumentParser

struct PlansCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plans", abstract: "Plans: what a subscription grants, allows and costs.",
    discussion: """
      Examples:
        tally plans put pro --credit 20 --expires period-end
        tally plans list
      """,
    subcommands: [PutPlanCommand.self, ListPlansCommand.self])
}
