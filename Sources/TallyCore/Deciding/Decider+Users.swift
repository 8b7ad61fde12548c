// Users' settings and rate limits.
//
// Invariants:
// 1. The same content again writes nothing, and its times stay.
//
// Owner: the writer's queue.

extension Decider {
  func decide(_ it: AdminCommand.PutSettings) throws(Refusal) -> Decided<SettingsReceipt> {
    let account = try records.account(userId: it.settings.userId)
    let stored = account.id == 0 ? nil : try records.settings(of: account)
    var settings = it.settings(over: stored)
    for planId in [settings.planId, settings.subscription?.planId].compactMap(\.self) {
      if try records.plan(id: planId) == nil { throw noPlan(planId) }
    }
    if let stored, stored.updatedAtMicros != 0, stored.hasContent(of: settings) {
      return Decided(
        SettingsReceipt(settings: stored, unchanged: true, commit: records.writes.restingPlace))
    }
    var effects = try effectsOfDueGrant(of: account)
    let before = owner(account, &effects)
    settings.createdAtMicros = stored?.createdAtMicros ?? records.nowMicros
    settings.updatedAtMicros = records.nowMicros
    let effect = SettingsEffect(account: before.id, settings: settings)
    effects.set { $0.settings = effect }
    if settings.isSuspended != before.isSuspended || settings.subscription != stored?.subscription {
      var after = effects.change?.account ?? before
      after.isSuspended = settings.isSuspended
      after.nextGrantAtMicros = try nextGrantMicros(settings, of: after, after: effects.change?.entries ?? [])
      if let effect = try topUp(after: &after) { effects.set { $0.topUp = effect } }
      effects.set { $0.changedAccount = after }
    }
    return Decided(
      SettingsReceipt(settings: settings, unchanged: false, commit: records.writes.writingPlace), effects)
  }

  /// What the settings until now make due is granted before they are others.
  private func effectsOfDueGrant(of account: Account) throws(Refusal) -> Effects {
    guard account.grantDueMicros(atMicros: records.nowMicros) != nil,
      let change = try Rules.sweep(try context(of: account))
    else { return Effects() }
    return try effects(of: change, on: account)
  }

  func decide(_ it: AdminCommand.SetRateLimit) throws(Refusal) -> Decided<RateLimitReceipt> {
    let limit = it.limit
    var effects = Effects()
    // Taking a limit away makes no user.
    let named = try key(of: limit)
    let stored = try records.rateLimit(named)
    let asked = StoredRateLimit(perSecond: limit.perSecond, burst: limit.burst)
    if asked == stored ?? StoredRateLimit(perSecond: 0, burst: 0) {
      return Decided(RateLimitReceipt(limit: limit, commit: records.writes.restingPlace))
    }
    let action: RateLimitEffect.Action
    var key = named
    if stored != nil {
      action = limit.perSecond == 0 ? .remove : .change
    } else {
      action = .add
      if try records.rateLimitCount(key.kind) >= RateLimit.maximumOfAKind {
        throw Refusal(
          .invalidField,
          "there are already \(RateLimit.maximumOfAKind) limits of this kind, the most allowed",
          details: ["field": "rate_limit", "limit": String(RateLimit.maximumOfAKind)])
      }
      if case .user(let userId) = limit.subject {
        key.id = owner(try records.account(userId: userId), &effects).id
      }
    }
    let effect = RateLimitEffect(key: key, limit: limit, action: action)
    effects.set { $0.rateLimit = effect }
    return Decided(RateLimitReceipt(limit: limit, commit: records.writes.writingPlace), effects)
  }

  /// With the id zero for a user that is not known.
  private func key(of limit: RateLimit) throws(Refusal) -> RateLimitKey {
    switch limit.subject {
    case .user(let userId): RateLimitKey(kind: .user, id: try records.account(userId: userId).id)
    case .uid(let uid): RateLimitKey(kind: .uid, id: Int64(uid))
    case .everyUser: RateLimitKey(kind: .everyUser, id: 0)
    case .everyUid: RateLimitKey(kind: .everyUid, id: 0)
    }
  }
}

extension UserSettings {
  /// Whether both say the same of the user; times are not looked at.
  func hasContent(of other: Self) -> Bool {
    email.isExactly(other.email) && role == other.role && approval == other.approval
      && (planId ?? "").isExactly(other.planId ?? "") && isSuspended == other.isSuspended
      && subscription == other.subscription
  }
}
