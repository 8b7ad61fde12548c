// `tally users list`: users with settings, balance and usage.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ListUsersCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists users with their settings, balances and usage of the month.",
    discussion: """
      Examples:
        tally users list --approval pending
        tally users list --sort id --prefix team-
        tally users list --sort spent --month 2026-11
      """)

  enum Sort: String, CaseIterable, ExpressibleByArgument {
    case newest
    case oldest
    case id
    case spent
    case owed
  }

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions
  @OptionGroup var period: MonthOptions

  @Option(help: "Only users with this role.") var role: UserRoleName?
  @Option(help: "Only users with this approval.") var approval: UserApprovalName?
  @Option(help: "Only users on this plan.") var plan = ""
  @Option(help: "Only users whose id begins with this; needs --sort id.") var prefix = ""
  @Option(help: "The order of the list; spent and owed leave out who has not.") var sort: Sort = .newest

  func validate() throws {
    if !prefix.isEmpty, sort != .id { throw ValidationError("--prefix needs --sort id") }
  }

  func perform() async throws {
    var request = TallystickV1.ListUsersRequest()
    if let role { request.role = role.role }
    if let approval { request.approval = approval.approval }
    request.planId = plan
    request.userIdPrefix = prefix
    request.sort =
      switch sort {
      case .newest: .newestFirst
      case .oldest: .oldestFirst
      case .id: .userId
      case .spent: .mostSpent
      case .owed: .mostOwed
      }
    request.month = period.month
    request.timeZone = period.timeZone
    request.limit = paging.limit
    request.cursor = paging.cursor
    try await tally.perform(TallystickV1.AdminService.listUsers, request, connection, output) {
      Texts.users($0.users) + Texts.more($0.nextCursor)
    }
  }
}
