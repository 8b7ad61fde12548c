// Pages, settings and reads of the load.

internal import TallyMessages

extension Mix {
  private typealias Credits = TallystickV1.CreditService
  private typealias Usages = TallystickV1.UsageService
  private typealias Pages = TallystickV1.PageService

  // MARK: pages

  private mutating func knownPage() -> (id: String, userId: String) {
    let page = number(2) == 0 ? number(3) : number(3 * cast.users.count)
    return ("page \(cast.name).\(page)", cast.users[page % cast.users.count])
  }

  mutating func page() -> Outgoing {
    let (pageId, userId) = knownPage()
    let text = key()
    var section = TallystickV1.SectionInput()
    (section.sectionId, section.kind, section.content) = ("s", "text", String(repeating: text, count: 3))
    guard let version = ground.version(ofPage: pageId), number(6) > 0 else {
      var request = TallystickV1.CreatePageRequest()
      (request.userId, request.pageId, request.title, request.sections) = (userId, pageId, text, [section])
      return Outgoing(Pages.createPage, request) { [ground] (reply: TallystickV1.CreatePageResponse) in
        ground.note(page: pageId, version: reply.change?.page?.version ?? 0)
      }
    }
    switch number(10) {
    case 0:
      var request = TallystickV1.PublishRequest()
      request.pageId = pageId
      return Outgoing(Pages.publish, request)
    case 1:
      var request = TallystickV1.DeletePageRequest()
      request.pageId = pageId
      return Outgoing(Pages.deletePage, request)
    case 2, 3:
      var request = TallystickV1.UndeletePageRequest()
      request.pageId = pageId
      return Outgoing(Pages.undeletePage, request)
    default:
      var request = TallystickV1.SavePageRequest()
      (request.pageId, request.title, request.sections) = (pageId, text, [section])
      (request.expectedVersion, request.force) = (max(1, version - Int64(number(5) / 4)), number(5) == 0)
      return Outgoing(Pages.savePage, request) { [ground] (reply: TallystickV1.SavePageResponse) in
        ground.note(page: pageId, version: reply.change?.page?.version ?? 0)
      }
    }
  }

  // MARK: settings

  mutating func administer() -> Outgoing {
    let user = number(cast.users.count)
    switch number(5) {
    case 0: return Outgoing(Usages.putCaps, cast.caps(of: user, limit: Int64(500 + number(1_500))))
    // Another plan, perhaps.
    case 1:
      var request = cast.settings(of: number(4), email: key())
      request.settings?.userId = cast.users[user]
      return Outgoing(TallystickV1.AdminService.putUserSettings, request)
    case 2: return Outgoing(Usages.putPlan, Cast.plan(pick(["tight", "block"]), creditMicros: amount()))
    default:
      return Outgoing(
        TallystickV1.AdminService.putUserSettings, cast.settings(of: user, email: "\(number(3))@x.org"))
    }
  }

  // MARK: reads

  mutating func read() -> Outgoing {
    let userId = user()
    switch number(8) {
    case 0, 1:
      var request = TallystickV1.BatchGetBalancesRequest()
      request.userIds = cast.users
      return Outgoing(Credits.batchGetBalances, request)
    case 2:
      var request = TallystickV1.GetUsageRequest()
      (request.userId, request.spender) = (userId, pick(Cast.spenders))
      return Outgoing(Usages.getUsage, request)
    case 3:
      var request = TallystickV1.GetRunRequest()
      (request.runId, request.attempt) = (knownRun().id, 1)
      return Outgoing(Usages.getRun, request)
    case 4:
      var request = TallystickV1.GetPageRequest()
      let pageId = knownPage().id
      request.pageId = pageId
      return Outgoing(Pages.getPage, request) { [ground] (reply: TallystickV1.GetPageResponse) in
        ground.note(page: pageId, version: reply.page?.version ?? 0)
      }
    case 5:
      var request = TallystickV1.ListEventsRequest()
      (request.userId, request.limit) = (userId, 100)
      request.kinds = pick([[.balanceBelow, .owed], [.capAt]])
      return Outgoing(Usages.listEvents, request)
    default:
      var request = TallystickV1.GetBalanceRequest()
      request.userId = userId
      return Outgoing(Credits.getBalance, request)
    }
  }
}
