// tallystick.v1.AdminService: users and their settings.
//
// Invariants:
// 1. The fields of a settings message are checked here; the engine decides whether they change anything.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

extension AdminService {
  var users: [Binding] {
    let engine = services.engine
    let largest = services.maximumReplyByteCount
    return [
      services.query(
        RPCs.listUsers, role: .admin,
        parse: { request, _ throws(Refusal) in try UserQueries.parse(request, engine.zones) },
        read: { query throws(Refusal) in try UserQueries.users(query, engine, largest: largest) }),
      services.query(
        RPCs.getUserSettings, role: .admin,
        parse: { request, _ throws(Refusal) in try Fields.userId(request.userId) },
        quick: { userId in engine.cachedSettings(userId: userId).map(settingsResponse) },
        read: { userId throws(Refusal) in settingsResponse(try engine.settings(userId: userId)) }),
      services.unkeyedMutation(RPCs.putUserSettings, role: .admin) { request, _ throws(Refusal) in
        Prepared(command: try putSettings(request.settings))
      } reply: { receipt in
        var response = TallystickV1.PutUserSettingsResponse()
        response.settings = TallystickV1.UserSettings(receipt.settings)
        response.unchanged = receipt.unchanged
        response.commitSequence = receipt.commit.sequence
        response.commitPosition = receipt.commit.position
        return response
      },
    ]
  }
}

private func settingsResponse(_ snapshot: Snapshot<UserSettings>) -> TallystickV1.GetUserSettingsResponse {
  var response = TallystickV1.GetUserSettingsResponse()
  response.settings = TallystickV1.UserSettings(snapshot.value)
  response.commitSequence = snapshot.commitSequence
  return response
}

/// What the message does not set of state and subscription is kept as it is stored.
private func putSettings(
  _ message: TallystickV1.UserSettings?
) throws(Refusal) -> AdminCommand.PutSettings {
  guard let message else { throw invalidField("settings", "must be set") }
  var command = AdminCommand.PutSettings(try settings(message))
  switch message.state {
  case nil: command.kept.insert(.state)
  case .unspecified?, .active?: command.settings.isSuspended = false
  case .suspended?: command.settings.isSuspended = true
  case .unrecognized?: throw invalidField("settings.state", "is not a state")
  }
  if let subscription = message.subscription {
    command.settings.subscription = try parsed(subscription, planId: message.planId)
  } else {
    command.kept.insert(.subscription)
  }
  return command
}

/// - Parameter planId: the settings', which holds when the subscription names none.
/// - Returns: nil for an empty message, which ends a subscription.
private func parsed(
  _ message: TallystickV1.Subscription, planId: String
) throws(Refusal) -> Subscription? {
  let isAutomatic: Bool
  switch message.grants {
  case .unspecified, .manual: isAutomatic = false
  case .automatic: isAutomatic = true
  case .unrecognized: throw invalidField("settings.subscription.grants", "is not a way of granting")
  }
  if message.planId.isEmpty, message.start.isEmpty, message.grants == .unspecified { return nil }
  try Fields.optional(
    message.planId, "settings.subscription.plan_id", atMost: Limits.planIdByteCount)
  let plan = message.planId.isEmpty ? planId : message.planId
  if plan.isEmpty {
    throw invalidField("settings.subscription.plan_id", "must be set when settings.plan_id is empty")
  }
  guard let start = Civil(parsing: message.start) else {
    throw invalidField("settings.subscription.start", "must be a date such as 2026-11-30")
  }
  return Subscription(planId: plan, startDay: start.dayNumber, isAutomatic: isAutomatic)
}

private func settings(_ message: TallystickV1.UserSettings) throws(Refusal) -> UserSettings {
  try Fields.required(message.userId, "settings.user_id", atMost: Limits.userIdByteCount)
  try Fields.optional(message.email, "settings.email", atMost: Limits.emailByteCount)
  try Fields.optional(message.planId, "settings.plan_id", atMost: Limits.planIdByteCount)
  var settings = UserSettings(userId: message.userId)
  settings.email = message.email
  settings.planId = message.planId.isEmpty ? nil : message.planId
  if message.role != .unspecified {
    guard let role = UserRole(rawValue: message.role.rawValue) else {
      throw invalidField("settings.role", "is not a role")
    }
    settings.role = role
  }
  if message.approval != .unspecified {
    guard let approval = UserApproval(rawValue: message.approval.rawValue) else {
      throw invalidField("settings.approval", "is not an approval")
    }
    settings.approval = approval
  }
  return settings
}

extension TallystickV1.UserSettings {
  init(_ settings: UserSettings) {
    self.init()
    userId = settings.userId
    email = settings.email
    role = TallystickV1.UserRole(rawValue: settings.role.rawValue)
    planId = settings.planId ?? ""
    approval = TallystickV1.UserApproval(rawValue: settings.approval.rawValue)
    updatedAtMicros = settings.updatedAtMicros
    createdAtMicros = settings.createdAtMicros
    state = settings.isSuspended ? .suspended : .active
    subscription = settings.subscription.map(TallystickV1.Subscription.init)
  }
}

extension TallystickV1.Subscription {
  init(_ subscription: Subscription) {
    self.init()
    planId = subscription.planId
    start = Civil(dayNumber: subscription.startDay).text(upTo: .day)
    grants = subscription.isAutomatic ? .automatic : .manual
  }
}
