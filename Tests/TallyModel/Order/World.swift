// All products as one model: what the whole of a store must answer, one command after the other.
//
// Invariants:
// 1. Pages are modelled a user at a time; a page's id is one user's for ever.
// 2. The wall clock stands still while commands are applied, and never goes back.
//
// Values, owned by who judges.

import TallyCore

struct World {
  /// What must be answered.
  enum Answer {
    case outcome(Outcome)
    case page(PageModel.Expected)
  }

  var ledger = LedgerModel()
  private var pages: [ExactText: PageModel] = [:]
  private var owners: [ExactText: String] = [:]

  init(ledger: LedgerModel = LedgerModel()) { self.ledger = ledger }

  mutating func apply(_ command: Command, wall: Int64) -> Answer {
    guard case .page(let it) = command else { return .outcome(ledger.apply(command, wall: wall)) }
    guard let owner = it.creator ?? it.pageId.flatMap({ owners[ExactText($0)] }) else {
      return .page(.refused(.pageNotFound))
    }
    var model = pages(of: owner, wall: wall)
    let answer = model.decide(it)
    pages[ExactText(owner)] = model
    if case .create(let new) = it, owners[ExactText(new.pageId)] == nil {
      owners[ExactText(new.pageId)] = owner
    }
    return .page(answer)
  }

  /// A user's pages as they are at a time.
  func pages(of userId: String, wall: Int64) -> PageModel {
    var model = pages[ExactText(userId)] ?? PageModel()
    model.nowMicros = wall
    model.pageLimit = ledger.plan(of: userId)?.limits.pageCount.map { Int($0) }
    return model
  }

  /// A page that is there, as GetPage shows it.
  func page(_ pageId: String, wall: Int64) -> PageView? {
    guard let owner = owners[ExactText(pageId)] else { return nil }
    let model = pages(of: owner, wall: wall)
    return model.index(pageId, nil).map { model.view(model.pages[$0], model.pages[$0].current) }
  }
}

extension PageCommand {
  /// Of the commands that name a user rather than a page.
  fileprivate var creator: String? {
    if case .create(let it) = self { return it.userId }
    return nil
  }

  var pageId: String? {
    switch self {
    case .create(let it): it.pageId
    case .save(let it): it.target.pageId
    case .patch(let it): it.target.pageId
    case .restore(let it): it.target.pageId
    case .duplicate(let it): it.target.pageId
    case .publish(let it, _), .unpublish(let it), .setSlug(let it, _), .schedule(let it, _, _),
      .cancelSchedule(let it), .delete(let it), .undelete(let it), .purge(let it):
      it.pageId
    case .createMedia, .deleteMedia: nil
    }
  }
}
