// Pages, settings and reads of a recorded history.

import TallyCore
import TallyLoad
import TallyMessages

@testable import TallyModel
@testable import TallyServer

extension HistoryReader {
  private typealias Credits = TallystickV1.CreditService
  private typealias Usages = TallystickV1.UsageService
  private typealias Pages = TallystickV1.PageService

  // MARK: pages

  private static func content(
    _ title: String, _ settings: String, _ sections: [TallystickV1.SectionInput]
  ) -> PageContent {
    PageContent(
      title: title, settings: settings,
      sections: sections.map { PageSection(sectionId: $0.sectionId, kind: $0.kind, content: $0.content) })
  }

  private static func target(_ pageId: String) -> PageTarget {
    PageTarget(pageId: pageId, actingUserId: nil, maximumReplyByteCount: .max)
  }

  private static func change<Request: Message, Response: PageChangeResponse>(
    _ rpc: RPC<Request, Response>, _ command: @escaping @Sendable (Request) -> TallyModel.PageCommand
  ) -> Named {
    mutation(rpc) { request, _ in
      .page(command(request))
    } _: { reply, record, command, reader in
      let change = reply.change ?? .init()
      if change.replayed { return reader.addReplay(record, command) }
      let told = change.page ?? .init()
      reader.add(
        record, "page", command,
        place: CommitPoint(sequence: change.commitSequence, position: change.commitPosition),
        userId: told.userId, told: told
      ) { expected in
        guard case .page(.changed(let view, replayed: false, _)) = expected else {
          return "changed, expected \(Brief.text(expected))"
        }
        return difference("page", told, TallystickV1.Page(view))
      }
    }
  }

  static var pages: [Named] {
    [
      change(Pages.createPage) {
        .create(
          .init(
            userId: $0.userId, pageId: $0.pageId, content: content($0.title, $0.settings, $0.sections),
            author: $0.author, maximumReplyByteCount: .max))
      },
      change(Pages.savePage) {
        .save(
          .init(
            target: target($0.pageId), expectedVersion: $0.force ? nil : $0.expectedVersion,
            content: content($0.title, $0.settings, $0.sections), author: $0.author))
      },
      change(Pages.publish) { .publish(target($0.pageId), version: $0.version) },
      change(Pages.deletePage) { .delete(target($0.pageId)) },
      change(Pages.undeletePage) { .undelete(target($0.pageId)) },
    ]
  }

  // MARK: settings

  static var admin: [Named] {
    [
      mutation(TallystickV1.AdminService.putUserSettings) { request, _ in
        var settings = UserSettings(userId: request.settings?.userId ?? "")
        settings.email = request.settings?.email ?? ""
        settings.planId = request.settings.flatMap { $0.planId.isEmpty ? nil : $0.planId }
        return .admin(.putSettings(settings, keeping: [.state, .subscription]))
      } _: { reply, record, command, reader in
        reader.addStored(
          "settings", reply.settings, unchanged: reply.unchanged, reply.commitSequence, reply.commitPosition,
          record,
          command
        ) { outcome in
          guard case .admin(.settingsStored(let settings, unchanged: false, _)) = outcome else { return nil }
          return TallystickV1.UserSettings(settings)
        }
      },
      mutation(Usages.putCaps) { request, _ in
        let put = try CapRequests.put(request)
        return .admin(.putCaps(put.userId, put.list))
      } _: { reply, record, command, reader in
        reader.addStored(
          "caps", reply.caps, unchanged: reply.unchanged, reply.commitSequence, reply.commitPosition, record,
          command
        ) { outcome in
          guard case .admin(.capsStored(let list, unchanged: false, _)) = outcome else { return nil }
          return TallystickV1.SubjectCaps(list)
        }
      },
    ]
  }

  // MARK: reads

  static var reads: [Named] { balances + others }

  private static var balances: [Named] {
    [
      query(Credits.getBalance) { request, reply, record, reader in
        let told = reply.balance
        reader.addRead(
          record, commitSequence: reply.commitSequence, userIds: [request.userId], told: told
        ) { world, time in
          difference("balance", told, TallystickV1.Balance(world.ledger.balance(request.userId, at: time)))
        }
      },
      query(Credits.batchGetBalances) { request, reply, record, reader in
        let told = reply.balances
        reader.addRead(
          record, commitSequence: reply.commitSequence, userIds: request.userIds, told: told
        ) { world, time in
          let expected = request.userIds.map { TallystickV1.Balance(world.ledger.balance($0, at: time)) }
          if told.count != expected.count { return "\(told.count) balances, expected \(expected.count)" }
          return zip(told, expected).lazy.compactMap { difference("balance", $0, $1) }.first
        }
      },
    ]
  }

  private static var others: [Named] {
    [
      query(Usages.getUsage) { request, reply, record, reader in
        let told = UsageFigures(reply)
        reader.addRead(
          record, commitSequence: reply.commitSequence, userIds: [request.userId], told: told
        ) { world, time in
          difference("usage", told, UsageFigures(world, request, at: time))
        }
      },
      query(Usages.getRun) { _, reply, record, reader in
        let told = reply.run ?? .init()
        reader.addRead(
          record, commitSequence: reply.commitSequence, userIds: [told.userId], told: told
        ) { world, _ in
          let run = world.ledger.runs[RunName(told.runId, attempt: told.attempt)]?.run
          return difference("run", told, run.map(TallystickV1.Run.init) ?? .init())
        }
      },
      query(Pages.getPage) { request, reply, record, reader in
        let told = reply.page ?? .init()
        reader.addRead(
          record, commitSequence: reply.commitSequence, userIds: [told.userId], told: told
        ) { world, time in
          let page = world.page(request.pageId, wall: time)
          return difference("page", told, page.map { TallystickV1.Page($0) } ?? .init())
        }
      },
      query(Usages.listEvents) { request, reply, record, reader in
        let told = reply.events.map { LineCrossed($0) }
        reader.addRead(
          record, commitSequence: reply.commitSequence, userIds: [request.userId], told: told
        ) { world, _ in
          let all =
            request.kinds == [.capAt]
            ? world.ledger.capEvents(of: request.userId).map { LineCrossed($0) }
            : world.ledger.events(of: request.userId).map { LineCrossed($0) }
          return difference("events", told, all.suffix(Int(request.limit)).reversed())
        }
      },
    ]
  }
}

/// What GetUsage tells, as far as the model knows it.
struct UsageFigures: Equatable, Sendable {
  var generations: Int64
  var running: Int64
  var pages: Int64
  var owedMicros: Int64
  var planId: String
  var caps: [String]

  init(_ reply: TallystickV1.GetUsageResponse) {
    let usage = reply.usage ?? .init()
    (generations, running, pages) = (usage.generations, usage.running, usage.pages)
    (owedMicros, planId) = (usage.owedMicros, usage.planId)
    caps = reply.caps.map { "\($0.cap?.capId ?? ""): \($0.used)" }
  }

  init(_ world: World, _ request: TallystickV1.GetUsageRequest, at time: Int64) {
    let plan = world.ledger.plan(of: request.userId)
    let month = (plan?.zone ?? .utc).period(nil, at: time)
    let runs = world.ledger.runs(of: request.userId)
    generations = Int64(
      runs.count {
        $0.status == .succeeded && month.start <= $0.startedAtMicros && $0.startedAtMicros < month.end
      })
    running = Int64(runs.count { $0.status == .running && $0.expiresAtMicros ?? 0 > time })
    pages = Int64(
      world.pages(of: request.userId, wall: time).pages.count { $0.deletedAtMicros == nil })
    owedMicros = world.ledger.user(request.userId, at: time).owed
    planId = plan?.id ?? ""
    caps = world.ledger.capUses(request.userId, request.spender, at: time)
  }
}

/// An event of a line that was crossed.
struct LineCrossed: Equatable, Sendable {
  var kind: String
  var facts: [Int64]
  var names: [String] = []

  init(_ event: TallystickV1.Event) {
    kind = event.kind == .capAt ? "cap" : event.kind == .owed ? "owed" : "below"
    guard let cap = event.cap else {
      facts = [event.thresholdMicros, event.beforeMicros, event.afterMicros, event.effectiveAtMicros]
      names = [event.transactionId]
      return
    }
    facts = [Int64(cap.percent), cap.used, event.effectiveAtMicros]
    names = [cap.spender, cap.cap?.capId ?? ""]
  }

  init(_ event: ModelEvent) {
    kind = event.kind == .owed ? "owed" : "below"
    facts = [event.threshold, event.before, event.after, event.effectiveAt]
    names = [Identifiers.transaction(event.sequence)]
  }

  init(_ event: ModelCapEvent) {
    kind = "cap"
    facts = [event.percent, event.used, event.at]
    names = [event.spender, event.capId]
  }
}
