// `tally users unsubscribe`: ends a subscription.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct UnsubscribeCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "unsubscribe", abstract: "Ends a user's subscription; what was granted stays.",
    discussion: """
      'tally credits void' takes a grant back.

      Example:
        tally users unsubscribe alice
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user.") var user: String

  func perform() async throws {
    var settings = try await TallystickV1.UserSettings.stored(
      of: user, allowsUnknown: false, connection, output)
    // An empty one ends what there is; an absent one would keep it.
    settings.subscription = TallystickV1.Subscription()
    try await settings.put(connection, output)
  }
}
