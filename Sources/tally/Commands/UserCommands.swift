// `tally users`: who there is, with which rights, and how often they may call.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages
internal import TallyProtoJSON

struct UsersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "users", abstract: "Users: settings, balances, usage and rate limits. Role: admin.",
    discussion: """
      Examples:
        tally users list --plan pro
        tally users set alice --plan pro --approval approved
        tally users limit alice --per-second 20 --burst 40
      """,
    subcommands: [
      ListUsersCommand.self, ShowUserCommand.self, SetUserCommand.self, LimitCommand.self,
      LimitsCommand.self,
    ])
}

enum UserRoleName: String, CaseIterable, ExpressibleByArgument {
  case user
  case admin

  var role: TallystickV1.UserRole { self == .user ? .user : .admin }
}

enum UserApprovalName: String, CaseIterable, ExpressibleByArgument {
  case pending
  case approved
  case rejected

  var approval: TallystickV1.UserApproval {
    switch self {
    case .pending: .pending
    case .approved: .approved
    case .rejected: .rejected
    }
  }
}

struct ListUsersCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists users with settings, balance and the month's usage.",
    discussion: """
      Examples:
        tally users list --approval pending
        tally users list --sort id --prefix team-
      """)

  enum Sort: String, CaseIterable, ExpressibleByArgument {
    case newest
    case oldest
    case id
  }

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions
  @OptionGroup var period: MonthOptions

  @Option(help: "Only of this role.") var role: UserRoleName?
  @Option(help: "Only in this state.") var approval: UserApprovalName?
  @Option(help: "Only of this plan.") var plan = ""
  @Option(help: "Only ids that begin so; with --sort id.") var prefix = ""
  @Option(help: "In which order.") var sort: Sort = .newest

  func validate() throws {
    if !prefix.isEmpty, sort != .id { throw ValidationError("--prefix takes --sort id") }
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

struct ShowUserCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows a user's settings, balance and usage.",
    discussion: "Example: tally users show alice --month 2026-11")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var period: MonthOptions

  @Argument(help: "The user.") var user: String

  func perform() async throws {
    // One snapshot: the first id that begins with the user's is the user's own, if it is there.
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
      throw Failure(.refused, "no write has named the user \(JSON.quoted(user)) yet")
    }
    System.writeOutput(output.json ? try json(found).pretty + "\n" : Texts.user(found))
  }
}

struct SetUserCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Changes a user's settings; what is not given stays.",
    discussion: """
      The approval is a label for your application. The server itself only takes an admin's rights away \
      while it is rejected.

      Example:
        tally users set alice --plan pro --approval approved --email a@example.com
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user.") var user: String
  @Option(help: "What the user may do.") var role: UserRoleName?
  @Option(help: "The plan whose limits and prices hold; '' for none.") var plan: String?
  @Option(help: "A label for your application; a rejected admin has no admin's rights.")
  var approval: UserApprovalName?
  @Option(help: "The user's address; '' for none.") var email: String?

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

extension Texts {
  static func settings(_ settings: TallystickV1.UserSettings) -> [(String, String)] {
    [
      ("user", settings.userId), ("email", settings.email), ("role", settings.role.word),
      ("plan", settings.planId), ("approval", settings.approval.word),
      ("known since", Timestamp.format(settings.createdAtMicros)),
    ]
  }

  static func user(_ user: TallystickV1.User) -> String {
    let usage = user.usage ?? TallystickV1.Usage()
    let balance = user.balance ?? TallystickV1.Balance()
    let rows =
      settings(user.settings ?? TallystickV1.UserSettings()) + [
        ("available", Dollars.format(balance.availableMicros)),
        ("on hold", balance.heldMicros == 0 ? "" : Dollars.format(balance.heldMicros)),
        ("month", "\(usage.month) \(usage.timeZone)"),
        ("generations", used(usage.generations, of: usage.limits?.monthlyGenerations)),
        ("running", count(usage.running)),
        ("uploads", used(usage.uploads, of: usage.limits?.monthlyUploads)),
        ("pages", used(usage.pages, of: usage.limits?.pageCount)),
        ("resets", Timestamp.format(usage.resetsAtMicros)),
      ]
    return present(rows)
  }

  static func users(_ users: [TallystickV1.User]) -> String {
    var table = Table(
      [
        ("USER", .left), ("ROLE", .left), ("APPROVAL", .left), ("PLAN", .left), ("AVAILABLE", .amount),
        ("GENERATIONS", .right), ("UPLOADS", .right), ("PAGES", .right), ("EMAIL", .left),
      ], optional: ["PAGES", "UPLOADS", "EMAIL", "ROLE", "APPROVAL", "GENERATIONS"], flexible: "EMAIL")
    for user in users {
      let settings = user.settings ?? TallystickV1.UserSettings()
      let usage = user.usage ?? TallystickV1.Usage()
      table.add([
        settings.userId, settings.role.word, settings.approval.word,
        settings.planId.isEmpty ? "-" : settings.planId,
        Dollars.format(user.balance?.availableMicros ?? 0),
        used(usage.generations, of: usage.limits?.monthlyGenerations),
        used(usage.uploads, of: usage.limits?.monthlyUploads), used(usage.pages, of: usage.limits?.pageCount),
        settings.email.isEmpty ? "-" : settings.email,
      ])
    }
    return table.text
  }
}
