// Random sequences of every mutation of pages and media against the model, and all reads after each.
//
// TALLY_SEED sets the first seed, TALLY_STEPS the number of steps; a failure names its own seed.

internal import FoundationEssentials
internal import Testing

@testable internal import TallyCore
@testable import TallyModel
@testable internal import TallySQLiteStore

@Suite("Page model")
struct PageModelTests {
  private static let runs = 8
  private static let pageLimit = 4
  /// All versions and lists are read only every so many steps: they are many.
  private static let stepsPerComparison = 20
  private static let startMicros: Int64 = 1_767_225_600_000_000

  private static func number(_ name: String, _ fallback: UInt64) -> UInt64 {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } ?? fallback
  }

  /// What the steps must come across, or they prove less than they say.
  private static let expectedEvents = [
    "made", "saved", "patched", "rebased", "restored", "copied", "published", "unpublished", "deleted",
    "undeleted", "purged", "media", "media deleted", "media detached", "replay of create", "replay of save",
    "replay of patch", "replay of an earlier patch", "replay of restore", "replay of duplicate",
    "replay of media", "PAGE_NOT_FOUND",
    "MEDIA_NOT_FOUND", "VERSION_NOT_FOUND", "IDEMPOTENCY_MISMATCH", "VERSION_CONFLICT", "MEDIA_IN_USE",
    "DUPLICATE_SECTION", "INVALID_FIELD", "QUOTA_EXCEEDED", "slug", "SLUG_TAKEN",
    "scheduled", "schedule cancelled", "autosaved", "autosave saved", "thinned",
    "media being detached", "detached by the sweep", "edited while being detached", "that edit again",
  ]

  @Test(
    "pages are what the model says, after every step, and everything comes about",
    arguments: EngineUnderTest.allCases)
  func model(on engine: EngineUnderTest) throws {
    let steps = Int(Self.number("TALLY_STEPS", 4_000))
    var tally: [String: Int] = [:]
    for run in 0..<Self.runs {
      let seed = Self.number("TALLY_SEED", 20_260_101) &+ UInt64(run)
      try Self.run(
        on: try engine.rig(detachedPages: PageModel.detachedPages), seed: seed, steps: steps / Self.runs,
        &tally)
    }
    let missing = Self.expectedEvents.filter { tally[$0, default: 0] < 3 }
    #expect(missing.isEmpty, "\(tally.sorted { $0.key < $1.key })")
  }

  private static func run(
    on rig: any EngineRig, seed: UInt64, steps: Int, _ tally: inout [String: Int]
  ) throws {
    let engine = rig.engine
    var nowMicros = startMicros
    rig.setTime(micros: nowMicros)
    limitPages(engine)
    var source = PageSteps(seed: seed)
    var model = PageModel()
    model.pageLimit = pageLimit
    var lastCommit = engine.state().commitSequence
    for step in 0..<steps {
      nowMicros += source.pauseMicros()
      rig.setTime(micros: nowMicros)
      model.nowMicros = nowMicros
      if source.roll(10) == 0 {
        try rig.sweep()
        model.detach()
        model.thin()
        lastCommit = engine.state().commitSequence
      }
      let command = source.next(model)
      let expected = model.decide(command)
      let outcome = engine.apply(.page(command))
      let place = "TALLY_SEED=\(seed), step \(step): \(command)"
      try #require(Self.expected(outcome) == expected, "\(place)")
      // Only what was written makes a commit.
      let commit = try #require(Self.commit(outcome), "\(place)")
      #expect(commit.sequence == lastCommit + (Self.isWritten(expected) ? 1 : 0), "\(place)")
      lastCommit = commit.sequence
      try comparePages(engine, model, place)
      if step % stepsPerComparison == 0 {
        try compareVersions(engine, model, place)
        try compareLists(engine, model, place)
      }
      tally[event(command, expected), default: 0] += 1
    }
    try rig.sweep()
    #expect(try rig.findings() == [], "TALLY_SEED=\(seed)")
    tally["autosave saved", default: 0] += model.keptCount
    tally["thinned", default: 0] += model.thinnedCount
    tally["detached by the sweep", default: 0] += model.detachedCount
    tally["edited while being detached", default: 0] += model.carriedCount
    tally["that edit again", default: 0] += model.carriedAgainCount
  }

  private static func limitPages(_ engine: any Engine) {
    var plan = Plan(id: "small", displayName: "", monthlyCreditMicros: 1, grantExpiry: .never)
    plan.limits.pageCount = Int64(pageLimit)
    _ = engine.apply(.putPlan(plan))
    for userId in PageSteps.users {
      var settings = UserSettings(userId: userId)
      settings.planId = plan.id
      _ = engine.apply(.admin(.putSettings(settings)))
    }
  }

  // MARK: outcomes

  private static func expected(_ outcome: Outcome) -> PageModel.Expected? {
    switch outcome {
    case .page(.changed(let view, let replayed, let rebased, _)):
      .changed(view, replayed: replayed, rebased: rebased)
    case .page(.purged(let versions, _)): .purged(versions)
    case .page(.mediaStored(let media, let replayed, _)): .media(media, replayed: replayed)
    case .page(.mediaDeleted(let pageIds, let left, let replayed, _)):
      .mediaDeleted(pageIds, left: left, replayed: replayed)
    case .refused(let refusal): .refused(refusal.reason)
    default: nil
    }
  }

  private static func commit(_ outcome: Outcome) -> CommitPoint? {
    switch outcome {
    case .page(.changed(_, _, _, let commit)), .page(.purged(_, let commit)),
      .page(.mediaStored(_, _, let commit)), .page(.mediaDeleted(_, _, _, let commit)):
      commit
    case .refused(let refusal): refusal.commit
    default: nil
    }
  }

  private static func isWritten(_ expected: PageModel.Expected) -> Bool {
    switch expected {
    case .changed(_, let replayed, _), .media(_, let replayed), .mediaDeleted(_, _, let replayed): !replayed
    case .purged: true
    case .refused: false
    }
  }

  private static func event(_ command: PageCommand, _ expected: PageModel.Expected) -> String {
    if case .refused(let reason) = expected { return reason.rawValue }
    if case .mediaDeleted(let pageIds, let left, _) = expected, !pageIds.isEmpty {
      return left == 0 ? "media detached" : "media being detached"
    }
    let isWritten = isWritten(expected)
    return switch command {
    case .create: isWritten ? "made" : "replay of create"
    case .save(let it): isWritten ? it.isAutosave ? "autosaved" : "saved" : "replay of save"
    case .patch:
      switch expected {
      case .changed(_, replayed: false, rebased: true): "rebased"
      case .changed(let view, replayed: true, _) where view.facts.version < view.facts.currentVersion:
        "replay of an earlier patch"
      default: isWritten ? "patched" : "replay of patch"
      }
    case .restore: isWritten ? "restored" : "replay of restore"
    case .duplicate: isWritten ? "copied" : "replay of duplicate"
    case .publish: isWritten ? "published" : "publish again"
    case .unpublish: isWritten ? "unpublished" : "unpublish again"
    case .schedule: isWritten ? "scheduled" : "schedule again"
    case .cancelSchedule: isWritten ? "schedule cancelled" : "cancel schedule again"
    case .setSlug: isWritten ? "slug" : "slug again"
    case .delete: isWritten ? "deleted" : "delete again"
    case .undelete: isWritten ? "undeleted" : "undelete again"
    case .purge: "purged"
    case .createMedia: isWritten ? "media" : "replay of media"
    case .deleteMedia: isWritten ? "media deleted" : "delete media again"
    }
  }

  // MARK: reads

  /// What GetPage answers of every page.
  private static func comparePages(_ engine: any PageStore, _ model: PageModel, _ place: String) throws {
    for page in model.pages {
      let isLive = page.deletedAtMicros == nil
      let current = try engine.page(
        pageId: page.pageId, .current, includesDeleted: true, actingUserId: page.userId)
      try #require(current.value == model.view(page, page.current), "\(place)")
      let hidden = try? engine.page(
        pageId: page.pageId, .current, includesDeleted: false, actingUserId: nil)
      #expect((hidden != nil) == isLive, "\(place)")
      let published = try? engine.page(
        pageId: page.pageId, .published, includesDeleted: true, actingUserId: nil)
      #expect(published?.value == page.published.map { model.view(page, $0) }, "\(place)")
    }
    for userId in PageSteps.users {
      for slug in ["a", "b", "a/b"] {
        let found = try? engine.page(userId: userId, slug: slug, .current)
        let page = model.pages.first {
          $0.userId == userId && $0.slug == slug && $0.deletedAtMicros == nil
        }
        #expect(found?.value == page.map { model.view($0, $0.current) }, "\(place)")
      }
    }
  }

  private static func compareVersions(_ engine: any PageStore, _ model: PageModel, _ place: String) throws {
    for page in model.pages where page.deletedAtMicros == nil {
      for version in 1...page.current where !page.has(version) {
        let gone = try? engine.version(pageId: page.pageId, version: version, actingUserId: nil)
        #expect(gone == nil, "\(place)")
      }
      let left = (1...page.current).filter(page.has)
      for version in left {
        let stored = try engine.version(pageId: page.pageId, version: version, actingUserId: nil)
        try #require(stored.value == model.view(page, version), "\(place)")
      }
      let versions = try engine.versions(
        VersionFilter(pageId: page.pageId, actingUserId: nil, limit: 1_000, maximumByteCount: 1 << 20))
      let expected = left.reversed().map { model.view(page, $0).facts }
      #expect(versions.value.rows == expected, "\(place)")
    }
  }

  private static func compareLists(_ engine: any PageStore, _ model: PageModel, _ place: String) throws {
    for userId in PageSteps.users {
      var filter = PageFilter(userId: userId, limit: 1_000, maximumByteCount: 1 << 20)
      let own = model.pages.reversed().filter { $0.userId == userId }.map { model.view($0, $0.current).facts }
      let live = own.filter { $0.deletedAtMicros == nil }
      #expect(try engine.pages(filter).value.rows == live, "\(place)")
      filter.includesDeleted = true
      #expect(try engine.pages(filter).value.rows == own, "\(place)")
      for query in ["title", "caf*", "CAFE", "\"cafe\"*", "copy", "title cafe"] {
        let search = PageSearch(
          userId: userId, query: try WordQuery(parsing: query), limit: 1_000, maximumByteCount: 1 << 20)
        let found = try engine.search(search).value.rows.map(\.facts.pageId).sorted()
        let expected = model.pages.filter {
          $0.userId == userId && $0.deletedAtMicros == nil && search.query.isFound(in: $0.content)
        }
        #expect(found == expected.map(\.pageId).sorted(), "\(query), \(place)")
      }
      let media = model.media.reversed().filter { $0.userId == userId && $0.deletedAtMicros == nil }
      let listed = try engine.media(MediaFilter(userId: userId, limit: 1_000, maximumByteCount: 1 << 20))
      #expect(listed.value.rows == media, "\(place)")
    }
  }
}

@Suite("Page faults")
struct PageFaultTests {
  @Test("a save that fails half way leaves nothing behind, and what is around it is kept")
  func failingSave() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    var faults = EngineFaults()
    faults.afterWriting { (command) throws(StoreFault) in
      if case .page(.save(let save)) = command, save.author == "bad" { throw .outOfMemory }
    }
    let engine = try open(directory, faults: faults)
    let target = PageTarget(pageId: "p", actingUserId: nil, maximumReplyByteCount: 1 << 20)
    func save(_ text: String, _ version: Int64, _ author: String) -> Command {
      .page(
        .save(.init(target: target, expectedVersion: version, content: content(text), author: author)))
    }
    let made = PageCommand.Create(
      userId: "u1", pageId: "p", content: content("a:1 b:2"), author: "", maximumReplyByteCount: 1 << 20)
    let outcomes = try engine.decide([
      .page(.create(made)), save("b:bad c:bad", 1, "bad"), save("b:3 a:1", 1, "good"),
      save("x:bad", 2, "bad"),
    ])
    #expect(outcomes.map { $0.refusal?.reason } == [nil, .readOnly, nil, .readOnly])
    let page = try engine.page(pageId: "p", .current, includesDeleted: false, actingUserId: nil).value
    #expect(page.sections.map(\.sectionId) == ["b", "a"])
    #expect(page.sections.map(\.content) == ["3", "1"])
    #expect(page.facts.version == 2)
    #expect(page.facts.author == "good")
    try engine.close()
    let again = try open(directory)
    #expect(
      try again.page(pageId: "p", .current, includesDeleted: false, actingUserId: nil).value == page)
    try again.close()
  }
}
