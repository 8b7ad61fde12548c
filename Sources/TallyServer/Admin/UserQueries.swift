// The list of users: the query from the request, the reply from a page of users.
//
// Invariants:
// 1. A page holds at most `limit` users and never outgrows the largest message; it holds at least one user
//    if there is one.
// 2. A cursor is bound to the request it came from.

internal import TallyCore
internal import TallyMessages

enum UserQueries {
  private typealias RPCs = TallystickV1.AdminService

  typealias UsersQuery = ListQuery<TallystickV1.ListUsersRequest, UserFilter>

  static func parse(
    _ request: TallystickV1.ListUsersRequest, _ zones: ZoneStore
  ) throws(Refusal) -> UsersQuery {
    var filter = UserFilter(limit: try Fields.pageSize(request.limit))
    if request.role != .unspecified {
      guard let role = UserRole(rawValue: request.role.rawValue) else {
        throw invalidField("role", "is not a role")
      }
      filter.role = role
    }
    if request.approval != .unspecified {
      guard let approval = UserApproval(rawValue: request.approval.rawValue) else {
        throw invalidField("approval", "is not an approval")
      }
      filter.approval = approval
    }
    try Fields.optional(request.planId, "plan_id", atMost: Limits.planIdByteCount)
    if !request.planId.isEmpty { filter.planId = request.planId }
    switch request.sort {
    case .unspecified, .newestFirst: filter.order = .newestFirst
    case .oldestFirst: filter.order = .oldestFirst
    case .userId: filter.order = .userId
    case .mostSpent: filter.order = .mostSpent
    case .mostOwed: filter.order = .mostOwed
    case .unrecognized: throw invalidField("sort", "is not an order of users")
    }
    try Fields.optional(request.userIdPrefix, "user_id_prefix", atMost: Limits.userIdByteCount)
    if !request.userIdPrefix.isEmpty && filter.order != .userId {
      throw invalidField("user_id_prefix", "is allowed only with USER_SORT_USER_ID")
    }
    filter.userIdPrefix = request.userIdPrefix
    let usage = try UsageQueries.usage([], month: request.month, timeZone: request.timeZone, zones)
    filter.month = usage.month
    filter.zone = usage.zone
    let count = filter.order.isByAmount ? 2 : 1
    filter.after = try Cursor.decode(RPCs.listUsers, request, count: count).map { numbers in
      UserPlace(number: numbers[count - 1], amountMicros: count == 2 ? numbers[0] : 0)
    }
    return ListQuery(request, filter)
  }

  static func users(
    _ query: UsersQuery, _ engine: any ProductEngine, largest: Int
  ) throws(Refusal) -> TallystickV1.ListUsersResponse {
    let snapshot = try engine.users(query.filter)
    let page = snapshot.value
    var response = TallystickV1.ListUsersResponse()
    response.commitSequence = snapshot.commitSequence
    let cut = CreditQueries.cut(page.users, largest: largest, size: size)
    response.users = page.users.prefix(cut).map(TallystickV1.User.init)
    if let after = cut < page.users.count ? page.places[cut - 1] : page.nextAfter {
      let isByAmount = query.filter.order.isByAmount
      response.nextCursor = Cursor.encode(
        before: isByAmount ? [after.amountMicros, after.number] : [after.number], RPCs.listUsers,
        query.request)
    }
    return response
  }

  /// An upper bound of the user's encoded size: every number counts as the longest of its type.
  private static func size(_ user: UserFacts) -> Int {
    512 + 3 * user.settings.userId.utf8.count + user.settings.email.utf8.count
      + user.usage.timeZone.utf8.count
      + 2 * (user.settings.planId?.utf8.count ?? 0)
      + (user.settings.subscription?.planId.utf8.count ?? 0)
  }
}

extension TallystickV1.User {
  init(_ user: UserFacts) {
    self.init()
    settings = TallystickV1.UserSettings(user.settings)
    balance = TallystickV1.Balance(user.balance)
    usage = TallystickV1.Usage(user.usage)
  }
}

extension UserFilter.Order {
  fileprivate var isByAmount: Bool { self == .mostSpent || self == .mostOwed }
}
