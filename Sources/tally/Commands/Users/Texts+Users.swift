// Users and the limits on their calls, as text for people.

internal import TallyMessages

extension Texts {
  static func settings(_ settings: TallystickV1.UserSettings) -> [(String, String)] {
    [
      ("user", settings.userId), ("email", settings.email), ("role", settings.role.word),
      ("plan", settings.planId), ("approval", settings.approval.word), ("state", settings.state?.word ?? ""),
      ("subscription", settings.subscription.map(subscription) ?? ""),
      ("known since", Timestamp.format(settings.createdAtMicros)),
    ]
  }

  private static func subscription(_ subscription: TallystickV1.Subscription) -> String {
    "\(subscription.planId) from \(subscription.start), \(subscription.grants.word) grants"
  }

  static func user(_ user: TallystickV1.User) -> String {
    let usage = user.usage ?? TallystickV1.Usage()
    let balance = user.balance ?? TallystickV1.Balance()
    let rows =
      settings(user.settings ?? TallystickV1.UserSettings()) + [
        ("available", Dollars.format(balance.availableMicros)),
        ("on hold", balance.heldMicros == 0 ? "" : Dollars.format(balance.heldMicros)),
        ("owed", balance.owedMicros == 0 ? "" : Dollars.format(balance.owedMicros)),
        ("month", "\(usage.month) \(usage.timeZone)"),
        ("generations", used(usage.generations, of: usage.limits?.monthlyGenerations)),
        ("running", count(usage.running)),
        ("cost", Dollars.format(usage.costMicros)),
        ("uploads", used(usage.uploads, of: usage.limits?.monthlyUploads)),
        ("pages", used(usage.pages, of: usage.limits?.pageCount)),
        ("resets", Timestamp.format(usage.resetsAtMicros)),
      ]
    return present(rows)
  }

  static func users(_ users: [TallystickV1.User]) -> String {
    var table = Table(
      [
        ("USER", .left), ("ROLE", .left), ("APPROVAL", .left), ("STATE", .left), ("PLAN", .left),
        ("AVAILABLE", .amount), ("OWED", .amount), ("COST", .amount), ("GENERATIONS", .right),
        ("UPLOADS", .right), ("PAGES", .right), ("EMAIL", .left),
      ],
      optional: ["PAGES", "UPLOADS", "EMAIL", "ROLE", "APPROVAL", "GENERATIONS", "STATE", "OWED", "COST"],
      flexible: "EMAIL")
    for user in users {
      let settings = user.settings ?? TallystickV1.UserSettings()
      let usage = user.usage ?? TallystickV1.Usage()
      table.add([
        settings.userId, settings.role.word, settings.approval.word, settings.state?.word ?? "-",
        settings.planId.isEmpty ? "-" : settings.planId,
        Dollars.format(user.balance?.availableMicros ?? 0),
        Dollars.format(user.balance?.owedMicros ?? 0), Dollars.format(usage.costMicros),
        used(usage.generations, of: usage.limits?.monthlyGenerations),
        used(usage.uploads, of: usage.limits?.monthlyUploads), used(usage.pages, of: usage.limits?.pageCount),
        settings.email.isEmpty ? "-" : settings.email,
      ])
    }
    return table.text
  }
}

extension Texts {
  static func limits(_ limits: [TallystickV1.RateLimit]) -> String {
    var table = Table([("CALLS OF", .left), ("A SECOND", .right), ("AT ONCE", .right)])
    for limit in limits {
      let subject =
        switch limit.subject {
        case .userId(let user): "user \(user)"
        case .uid(let uid): "uid \(uid)"
        case .everyUser: "every user"
        case .everyUid: "every uid"
        case nil: "-"
        }
      let isNone = limit.perSecond == 0
      table.add([
        subject, isNone ? "no limit" : count(Int64(limit.perSecond)),
        isNone ? "-" : count(Int64(limit.burst)),
      ])
    }
    return table.text
  }
}
