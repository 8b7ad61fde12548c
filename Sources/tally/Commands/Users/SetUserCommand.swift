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

      Example:
        tally users set alice --plan pro --approval approved --email a@example.com
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user.") var user: String
  @Option(help: "The user's role.") var role: UserRoleName?
  @Option(help: "The plan, which sets limits and prices; '' for none.") var plan: String?
  @Option(help: "The approval, for your application to interpret.")
  var approval: UserApprovalName?
  @Option(help: "The email address; '' for none.") var email: String?

  func validate() throws {
    if role == nil, plan == nil, approval == nil, email == nil {
      throw ValidationError("nothing to set: give --role, --plan, --approval or --email")
    }
  }

  func perform() async throws {
    var settings = try await stored()
    settings.userId = user
    if let role { settings.role = role.role }
    if let plan { settings.planId = plan }
    if let approval { settings.approval = approval.approval }
    if let email { settings.email = email }
    var request = TallystickV1.PutUserSettingsRequest()
    request.settings = settings
    try await tally.perform(TallystickV1.AdminService.putUserSettings, request, connection, output) { reply in
      reply.settings.map { Texts.present(Texts.settings($0)) } ?? ""
    }
  }

  private func stored() async throws -> TallystickV1.UserSettings {
    var request = TallystickV1.GetUserSettingsRequest()
    request.userId = user
    do {
      let rpc = TallystickV1.AdminService.getUserSettings
      return try await connection.call(rpc, request).settings ?? TallystickV1.UserSettings()
    } catch {
      if error.reason == "USER_NOT_FOUND" { return TallystickV1.UserSettings() }
      throw output.report(error)
    }
  }
}
