// What is sent to an engine while something fails: a little of every product, in calls whose repetition tells
// whether they were applied.
//
// Invariants:
// 1. Sent once more, a call says that it is a repetition when, and only when, it was applied before.
// 2. When all calls were applied, in whatever order, what stands in the accounts is the same.

@testable internal import TallyCore

enum FaultScript {
  /// Each the commands of one call; a place of it may depend on what an earlier one was told.
  static let calls: [@Sendable (_ holdId: Int64?) -> [Command]] = [
    { _ in [purchase("anna", 100, "fault-p1")] },
    { _ in [consume("anna", 1, "c1"), purchase("ben", 50, "p2"), consume("anna", 2, "c2")] },
    { _ in [.putPlan(plan)] },
    { _ in [.admin(.putSettings(settings))] },
    { _ in [reserve("anna", 30, "h1", seconds: 10_000)] },
    { holdId in holdId.map { [capture($0, 10, "h2")] } ?? [] },
    { _ in [.usage(.begin(.test("fault-r1", "anna", estimate: 5)))] },
    { _ in [.usage(.finish(.test("fault-r1", cost: 3)))] },
    { _ in [.page(.createMedia(media))] },
    { _ in
      [
        .page(
          .create(
            .init(
              userId: "ben", pageId: "fault-page", content: content("old"), author: "me",
              maximumReplyByteCount: 1 << 20)))
      ]
    },
    { _ in
      [
        .page(
          .save(
            .init(
              target: page, expectedVersion: 1, content: content("new"), author: "me")))
      ]
    },
    { _ in [.admin(.putRule(rule)), .admin(.putCaps("anna", caps))] },
    { _ in [promo("ben", 7, "m1", expiresAt: noon + 3_600 * second)] },
  ]

  /// The call that makes the hold, and a few that come before it.
  static let reserving = 4
  static let few = 0..<2

  /// Users whom it concerns, with what they have in the end.
  static let balances: [(userId: String, availableMicros: Int64)] = [("anna", 84), ("ben", 57)]
  static let users = balances.map(\.userId)

  private static let page = PageTarget(
    pageId: "fault-page", actingUserId: nil, maximumReplyByteCount: 1 << 20)

  private static func content(_ title: String) -> PageContent {
    // So long that it takes pages of the file to itself.
    let text = String(repeating: "\(title) words of a page. ", count: 400)
    let section = PageSection(sectionId: "s", kind: "text", content: text, firstMediaId: "fault-image")
    return PageContent(title: title, sections: [section])
  }

  private static let media = Media(
    mediaId: "fault-image", userId: "ben", url: "https://example.org/i", source: .upload)

  private static var plan: Plan {
    var plan = Plan(id: "fault", displayName: "Pro", monthlyCreditMicros: 50, grantExpiry: .never)
    plan.tagKeys = ["feature"]
    return plan
  }

  private static var settings: UserSettings {
    var settings = UserSettings(userId: "ben")
    (settings.email, settings.planId) = ("ben@example.org", "fault")
    return settings
  }

  private static let rule = AlertRule(
    id: "fault-low", scope: .everyUser, condition: .balanceBelow(micros: 10))
  private static let caps = CapList(spender: "", caps: [.money("day", .day, 1_000)])
}

extension Outcome {
  /// Whether the command had been applied before; nil when it is refused now.
  var isRepeat: Bool? {
    switch self {
    case .applied(let receipt): receipt.replayed
    case .planStored(_, let unchanged, _): unchanged
    case .pricesStored, .topUp: nil
    case .usage(.run(let receipt)): receipt.replayed
    case .page(.changed(_, let replayed, _, _)): replayed
    case .page(.mediaStored(_, let replayed, _)): replayed
    case .page: nil
    case .admin(.settingsStored(_, let unchanged, _)): unchanged
    case .admin(.capsStored(_, let unchanged, _)): unchanged
    case .admin(.ruleStored(_, let unchanged, _)): unchanged
    case .admin(.rateLimitSet): nil
    case .refused: nil
    }
  }
}
