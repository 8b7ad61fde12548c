// tallystick.v1.AdminService: users and their settings.
//
// Invariants:
// 1. A settings message's form is checked here; that the same content changes nothing is the engine's word.
//
// Owner: connections' queues, lanes and the engine's writer, each for its part of a call.

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
        fields: { request throws(Refusal) in _ = try UserQueries.filter(request, engine.zones) },
        answer: { request, _ throws(Refusal) in
          try UserQueries.users(request, engine, largest: largest)
        }),
      services.query(
        RPCs.getUserSettings, role: .admin,
        fields: { request throws(Refusal) in
          try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
        },
        quick: { engine.cachedSettings(userId: $0.userId).map(settingsResponse) },
        answer: { request, _ throws(Refusal) in
          settingsResponse(try engine.settings(userId: request.userId))
        }),
      services.unkeyedMutation(RPCs.putUserSettings, role: .admin) { request, _ throws(Refusal) in
        Prepared(command: .admin(.putSettings(try settings(request.settings))))
      } reply: { outcome throws(Refusal) in
        guard case .settingsStored(let settings, let unchanged, let commit) = try adminOutcome(outcome) else {
          throw unexpectedOutcome
        }
        var response = TallystickV1.PutUserSettingsResponse()
        response.settings = TallystickV1.UserSettings(settings)
        response.unchanged = unchanged
        response.commitSequence = commit.sequence
        response.commitPosition = commit.position
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

private func settings(_ message: TallystickV1.UserSettings?) throws(Refusal) -> UserSettings {
  guard let message else { throw invalidField("settings", "must be set") }
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
  }
}

let unexpectedOutcome = Refusal(.corrupt, "the engine gave an unexpected outcome for an admin command")

func adminOutcome(_ outcome: Outcome) throws(Refusal) -> AdminOutcome {
  switch outcome {
  case .admin(let outcome): return outcome
  case .refused(let refusal): throw refusal
  case .applied, .planStored, .usage, .page: throw unexpectedOutcome
  }
}
