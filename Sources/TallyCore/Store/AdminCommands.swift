// Deciding what administrators ask: users' settings, and rate limits.
//
// Invariants:
// 1. What names a plan is refused before anything is written when there is none by that id.
// 2. The same content again writes nothing, and its times stay.
//
// Owner: the writer's queue.

internal import TallySQLite

extension Ledger {
  func decide(_ command: AdminCommand) throws(SQLiteError) -> Outcome {
    switch command {
    case .putSettings(let settings): try put(settings)
    case .setRateLimit(let limit): try set(limit)
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

  private func set(_ limit: RateLimit) throws(SQLiteError) -> Outcome {
    let kind: RateLimitKind
    let key: Int64
    switch limit.subject {
    // Taking a limit away makes no user.
    case .user(let userId): (kind, key) = (.user, try account(userId: userId).id)
    case .uid(let uid): (kind, key) = (.uid, Int64(uid))
    case .everyUser: (kind, key) = (.everyUser, 0)
    case .everyUid: (kind, key) = (.everyUid, 0)
    }
    let stored = try rateLimitReader.row(kind, key: key)
    guard limit.perSecond != stored?.perSecond ?? 0 || limit.burst != stored?.burst ?? 0 else {
      return .admin(.rateLimitSet(limit, commit: placeOfRefusal()))
    }
    if let stored {
      if limit.perSecond == 0 {
        try rateLimitSaver.remove(id: stored.id)
      } else {
        try rateLimitSaver.change(id: stored.id, to: limit)
      }
    } else {
      if try rateLimitReader.count(kind) >= RateLimit.maximumOfAKind {
        return refused(
          Refusal(
            .invalidField, "there are \(RateLimit.maximumOfAKind) limits of this kind, which is the limit",
            details: ["field": "rate_limit", "limit": String(RateLimit.maximumOfAKind)]))
      }
      var key = key
      if case .user(let userId) = limit.subject { key = try madeAccount(userId: userId).id }
      try rateLimitSaver.add(limit, kind, key: key)
    }
    change(limit)
    return .admin(.rateLimitSet(limit, commit: takeWritingPlace()))
  }
}

extension UserSettings {
  /// Whether both say the same of the user; times are not looked at.
  func hasContent(of other: Self) -> Bool {
    email.isExactly(other.email) && role == other.role && approval == other.approval
      && (planId ?? "").isExactly(other.planId ?? "")
  }
}
