// `tally users subscribe`: credit of a plan, period by period.

internal import ArgumentParser
internal import TallyClient
internal import TallyCore
internal import TallyMessages

struct SubscribeCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "subscribe", abstract: "Subscribes a user to a plan's credit, a month at a time.",
    discussion: """
      A period begins on the day of the start, or on the month's last day if the month is shorter. Unless \
      --manual is given, the server grants each period itself: the one that has begun at once, later ones \
      when they begin, and none that has passed. A period that was granted already is not granted again, \
      nor one that shares a date with a granted one, such as a calendar month: the server's log says so.

      The user's limits and prices are those of 'tally users set --plan'.

      Examples:
        tally users subscribe alice pro --start 2026-11-30
        tally users subscribe alice pro --start 2026-11-30 --manual
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: "The plan's id.") var plan: String
  @Option(
    help: ArgumentHelp(
      "The day on which the first period begins, in the plan's time zone.", valueName: "date"))
  var start: String
  @Flag(help: "Leave the grants to your application, or to 'tally credits grant'.") var manual = false

  func validate() throws {
    if plan.isEmpty { throw ValidationError("the plan must not be empty") }
    if Civil(parsing: start) == nil {
      throw ValidationError("--start must be a date such as 2026-11-30, not \(start)")
    }
  }

  func perform() async throws {
    var settings = try await TallystickV1.UserSettings.stored(of: user, connection, output)
    var subscription = TallystickV1.Subscription()
    subscription.planId = plan
    subscription.start = start
    subscription.grants = manual ? .manual : .automatic
    settings.subscription = subscription
    try await settings.put(connection, output)
  }
}
