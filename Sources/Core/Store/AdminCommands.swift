// Deciding what administrators ask: users' settings.
//
// Invariants:
// 1. What names a plan is refused before anything is written when there is none by that id.
// 2. The same content again writes nothing, and its times stay.
//
// Owner: the writer's queue.

internal import SQLite

extension Ledger {
  func decide(_ command: AdminCommand) throws(SQLiteError) -> Outcome {
    switch command {
    case .putSettings(let settings): try put(settings)
    }
  }

  private func put(_ settings: UserSettings) throws(SQLiteError) -> Outcome {
    if let planId = settings.planId, try planReader.plan(id: planId) == nil {
      return refused(Refusal(.grantNotFound, "no such plan", details: ["plan_id": planId]))
    }
    let known = try account(userId: settings.userId)
    if known.id != 0, let stored = try settingsReader.settings(account: known.id),
      stored.updatedAtMicros != 0, stored.hasContent(of: settings)
    {
      return .admin(.settingsStored(stored, unchanged: true, commit: placeOfRefusal()))
    }
    let account = try madeAccount(userId: settings.userId)
    var settings = settings
    settings.updatedAtMicros = working.nowMicros
    try settingsSaver.save(settings, account: account.id)
    guard let stored = try settingsReader.settings(account: account.id) else {
      throw .malformed("settings of account \(account.id): not there after they were written")
    }
    touchSettings(of: settings.userId)
    return .admin(.settingsStored(stored, unchanged: false, commit: takeWritingPlace()))
  }
}

extension UserSettings {
  /// Whether both say the same of the user; times are not looked at.
  func hasContent(of other: Self) -> Bool {
    email.isExactly(other.email) && role == other.role && approval == other.approval
      && (planId ?? "").isExactly(other.planId ?? "")
  }
}
