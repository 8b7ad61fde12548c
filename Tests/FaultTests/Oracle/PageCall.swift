// Calls of pages and of settings: what is stored follows from the number of the call.
//
// Invariants:
// 1. No two calls store the same content.

import TallyClient
import TallyMessages

/// The newest known version of a page.
struct PageBase: Sendable {
  /// Of the call that made the page.
  var number: Int
  var account: Int
  var version: Int64
}

/// A version that a call made.
struct PageRow: Sendable, Equatable {
  var version: Int64
  /// Of the call.
  var number: Int
  /// nil when the reply was a replay, which does not say.
  var place: Place?
}

/// A page's content, by the number of the call that stored it.
struct PageText: Sendable {
  var number: Int

  var title: String { "k\(number)" }
  var settings: String { "{\"call\":\(number)}" }
  var sections: [TallystickV1.SectionInput] {
    (0...number % 4).map { index in
      var section = TallystickV1.SectionInput()
      section.sectionId = "s\(index)"
      section.kind = "text"
      // At times more than a page of the database.
      section.content = String(repeating: "\(title).\(index) ", count: number % 64 == 0 ? 800 : 4)
      return section
    }
  }

  /// Whether a page shows just this.
  func isShown(by page: TallystickV1.Page) -> Bool {
    let sections = sections
    return page.title == title && page.settings == settings && page.author == title
      && page.sections.count == sections.count
      && zip(page.sections, sections).allSatisfy {
        $0.sectionId == $1.sectionId && $0.kind == $1.kind && $0.content == $1.content
      }
  }
}

extension Call {
  private typealias Pages = TallystickV1.PageService

  static func page(_ number: Int) -> String { "g\(number)" }
  /// Of the page that the call makes or changes.
  var pageNumber: Int { base?.number ?? number }
  /// The version that it makes.
  var pageVersion: Int64 { (base?.version ?? 0) + 1 }

  func sendPage(_ client: TallyClient) async throws(TallyError) -> Reply {
    let text = PageText(number: number)
    guard let base else {
      var request = TallystickV1.CreatePageRequest()
      request.userId = Self.user(parts[0].account)
      request.pageId = Self.page(number)
      request.title = text.title
      request.settings = text.settings
      request.sections = text.sections
      request.author = text.title
      return reply(try await client.call(Pages.createPage, request).change)
    }
    var request = TallystickV1.SavePageRequest()
    request.pageId = Self.page(base.number)
    request.expectedVersion = base.version
    request.title = text.title
    request.settings = text.settings
    request.sections = text.sections
    request.author = text.title
    return reply(try await client.call(Pages.savePage, request).change)
  }

  private func reply(_ change: TallystickV1.PageChange?) -> Reply {
    var reply = Reply()
    let change = change ?? .init()
    let page = change.page ?? .init()
    if page.pageId != Self.page(pageNumber) || page.userId != Self.user(parts[0].account)
      || page.version != pageVersion || !PageText(number: number).isShown(by: page)
    {
      reply.violations.append("\(key): stored as version \(pageVersion), got \(page)")
    }
    reply.isReplayed = change.replayed
    let place = Place(commitSequence: change.commitSequence, position: change.commitPosition)
    reply.page = PageRow(version: pageVersion, number: number, place: change.replayed ? nil : place)
    return reply
  }

  func sendSettings(_ client: TallyClient) async throws(TallyError) -> Reply {
    var request = TallystickV1.PutUserSettingsRequest()
    request.settings = settings
    let response = try await client.call(TallystickV1.AdminService.putUserSettings, request)
    var reply = Reply()
    if !isShown(by: response.settings ?? .init()) {
      reply.violations.append("\(key): put \(settings), got \(response)")
    }
    reply.isReplayed = response.unchanged
    let place = Place(commitSequence: response.commitSequence, position: response.commitPosition)
    reply.settings = place
    if let plan = subscribedPlan {
      reply.grant = GrantKey(account: Int32(parts[0].account), plan: Int32(plan), index: 0)
    }
    if let grant = reply.grant {
      reply.subscriptions = [Subscribed(place: place, grant: grant, isCertain: !response.unchanged)]
    }
    return reply
  }

  private var settings: TallystickV1.UserSettings {
    var settings = TallystickV1.UserSettings()
    settings.userId = Self.user(parts[0].account)
    settings.email = "\(key)@example.com"
    settings.planId = Workload.Group(parts[0].account).planId
    if let plan = subscribedPlan {
      var subscription = TallystickV1.Subscription()
      subscription.planId = Workload.grantPlan(plan)
      subscription.start = Workload.startDate
      subscription.grants = .automatic
      settings.subscription = subscription
    }
    return settings
  }

  /// Of whose current period the server is to make a grant.
  private var subscribedPlan: Int? {
    Workload.Group(parts[0].account) == .subscribed ? number % Workload.grantPlanCount : nil
  }

  /// Whether a user's settings are those that the call put.
  func isShown(by found: TallystickV1.UserSettings) -> Bool {
    found.userId == settings.userId && found.email == settings.email && found.planId == settings.planId
      && found.subscription == settings.subscription
  }
}
