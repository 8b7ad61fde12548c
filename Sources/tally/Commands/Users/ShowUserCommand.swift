// `tally users show`: one user.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages
internal import TallyProtoJSON

struct ShowUserCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows a user's settings, balance and usage.",
    discussion: "Example: tally users show alice --month 2026-11")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var period: MonthOptions

  @Argument(help: "The user.") var user: String

  func perform() async throws {
    // ListUsers gives settings, balance and usage in one snapshot. In the order of ids, the first one that
    // begins with the user's is that user, if it exists.
    var request = TallystickV1.ListUsersRequest()
    request.userIdPrefix = user
    request.sort = .userId
    request.month = period.month
    request.timeZone = period.timeZone
    request.limit = 1
    let reply = try await answer(TallystickV1.AdminService.listUsers, request, connection, output)
    guard let found = reply.users.first,
      found.settings.map({ $0.userId.utf8.elementsEqual(user.utf8) }) ?? false
    else {
      throw Failure(.refused, JSON.plain(OutputOptions.unknownText([user])))
    }
    System.writeOutput(output.json ? try json(found).pretty + "\n" : Texts.user(found))
  }
}
