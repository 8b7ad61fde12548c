// A user's settings as they are stored, for commands that change a part of them.
//
// Invariants:
// 1. State and subscription are left out: PutUserSettings keeps them when they are absent, so that no command
//    puts back what another one has changed meanwhile.

internal import TallyClient
internal import TallyMessages

extension TallystickV1.UserSettings {
  /// What PutUserSettings replaces.
  /// - Parameter allowsUnknown: a user who is not known begins with defaults.
  static func stored(
    of user: String, allowsUnknown: Bool = true, _ connection: ConnectionOptions, _ output: OutputOptions
  ) async throws -> Self {
    var request = TallystickV1.GetUserSettingsRequest()
    request.userId = user
    var settings = TallystickV1.UserSettings()
    do {
      let rpc = TallystickV1.AdminService.getUserSettings
      settings = try await connection.call(rpc, request).settings ?? settings
    } catch {
      guard allowsUnknown, error.reason == "USER_NOT_FOUND" else { throw output.report(error, to: request) }
    }
    settings.userId = user
    settings.state = nil
    settings.subscription = nil
    return settings
  }

  /// Stores them, and prints what is stored then.
  func put(_ connection: ConnectionOptions, _ output: OutputOptions) async throws {
    var request = TallystickV1.PutUserSettingsRequest()
    request.settings = self
    try await tally.perform(TallystickV1.AdminService.putUserSettings, request, connection, output) { reply in
      reply.settings.map { Texts.present(Texts.settings($0)) } ?? ""
    }
  }
}
