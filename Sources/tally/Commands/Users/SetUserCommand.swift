// `tally users set`: changes a user's settings.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct SetUserCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Changes a user's settings; those not named stay as they are.",
    discussion: """
      The approval is for your application to interpret. The server itself makes only one use of it: an \
      admin whose approval is rejected loses the rights of an admin.

      A suspended user's charges, holds and new runs are refused; purchases, refunds, and what is under way \
      go on. Credit of a subscription is not granted meanwhile.

      Examples:
        tally users set alice --plan pro --approval approved --email a@example.com
        tally users set alice --state suspended
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user.") var user: String
  @Option(help: "The user's role.") var role: UserRoleName?
  @Option(help: "The plan, which sets limits and prices; '' for none.") var plan: String?
  @Option(help: "The approval, for your application to interpret.")
  var approval: UserApprovalName?
  @Option(help: "Whether the user may spend.") var state: UserStateName?
  @Option(help: "The email address; '' for none.") var email: String?

  func validate() throws {
    if role == nil, plan == nil, approval == nil, state == nil, email == nil {
      throw ValidationError("nothing to set: give --role, --plan, --approval, --state or --email")
    }
  }

  func perform() async throws {
    var settings = try await TallystickV1.UserSettings.stored(of: user, connection, output)
    if let role { settings.role = role.role }
    if let plan { settings.planId = plan }
    if let approval { settings.approval = approval.approval }
    if let email { settings.email = email }
    settings.state = state?.state
    try await settings.put(connection, output)
  }
}
