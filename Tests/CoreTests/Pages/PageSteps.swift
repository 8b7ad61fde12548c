// Random commands of pages, made for what is there: most have a chance to succeed, many are stale, repeated
// or somebody else's.
//
// Values, owned by the test.

import TallyCore
internal import TallySQLiteStore

@testable import TallyModel

struct PageSteps {
  static let users = ["u1", "u2"]
  static let replyByteCount = 1 << 20
  private static let pageIds = ["p1", "p2", "p3", "p4", "p5", "p6", "p7"]
  private static let mediaIds = ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9"]

  private var random: SeededGenerator
  /// What was sent before, to be sent again.
  private var sent: [PageCommand] = []
  /// What was just sent names media that are being taken out of its page.
  private var hasCarried = false

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &random) }

  private mutating func pick<Element>(_ elements: [Element]) -> Element { elements[roll(elements.count)] }

  // MARK: one command

  mutating func next(_ model: PageModel) -> PageCommand {
    if hasCarried, let last = sent.last {
      hasCarried = false
      if roll(2) == 0 { return last }
    }
    if roll(3) == 0, let save = carried(model) {
      hasCarried = true
      sent.append(.save(save))
      return .save(save)
    }
    if roll(16) == 0, let patch = sent.suffix(60).filter(\.isPatch).randomElement(using: &random) {
      return patch
    }
    if !sent.isEmpty, roll(8) == 0 {
      // What was just sent, as a client does that has lost the reply; or something older.
      return roll(2) == 0 ? sent[sent.count - 1] : pick(Array(sent.suffix(30)))
    }
    let command = make(model)
    sent.append(command)
    return command
  }

  private mutating func make(_ model: PageModel) -> PageCommand {
    switch roll(50) {
    case 0..<5:
      return .create(
        .init(
          userId: pick(Self.users), pageId: pick(Self.pageIds), content: content(model, nil),
          author: author(), slug: slug(), maximumReplyByteCount: Self.replyByteCount))
    case 5..<13:
      return .save(save(model))
    case 13..<22:
      let target = target(model)
      return .patch(
        .init(
          target: target, expectedVersion: version(model, target), patch: patch(model, target),
          author: author(), digest: Digest(bytes: (0..<32).map { _ in UInt8(roll(256)) })))
    case 22..<25:
      let target = target(model)
      return .restore(
        .init(
          target: target, version: Int64(1 + roll(6)), expectedVersion: version(model, target),
          author: author()))
    case 25..<27:
      return .duplicate(
        .init(
          target: target(model), newPageId: pick(Self.pageIds), title: roll(2) == 0 ? "" : "copy",
          author: author()))
    case 27: return .publish(target(model), version: Int64(roll(4)))
    case 28: return .unpublish(target(model))
    case 29: return .delete(target(model))
    case 30, 31: return .undelete(target(model))
    case 32: return .purge(target(model))
    case 33, 34: return .setSlug(target(model), slug: slug())
    case 35..<38:
      return .schedule(
        target(model), version: Int64(roll(4)), atMicros: model.nowMicros + Int64(roll(40)) - 2)
    case 38, 39:
      let scheduled = model.pages.filter { $0.schedule != nil }.map(\.pageId)
      return .cancelSchedule(target(model, of: scheduled.isEmpty ? nil : pick(scheduled)))
    case 40..<44:
      return .createMedia(
        Media(
          mediaId: pick(Self.mediaIds), userId: pick(Self.users), url: "https://example.com/\(roll(2))",
          source: roll(2) == 0 ? .upload : .generated))
    case 44..<47:
      // One that is deleted, so that it can be purged.
      let deleted = model.pages.filter { $0.deletedAtMicros != nil }.map(\.pageId)
      return .purge(target(model, of: deleted.isEmpty ? nil : pick(deleted)))
    default:
      return .deleteMedia(
        .init(
          mediaId: pick(Self.mediaIds), actingUserId: acting(), detaches: roll(3) > 0, author: author()))
    }
  }

  /// Half of them by an autosave; some save what an autosave has saved.
  private mutating func save(_ model: PageModel) -> PageCommand.Save {
    let target = target(model)
    let page = model.index(target.pageId, nil, deleted: false).map { model.pages[$0] }
    if let page, page.versions.last?.isAutosave == true, roll(4) == 0 {
      return .init(target: target, expectedVersion: nil, content: page.content, author: author())
    }
    return .init(
      target: target, expectedVersion: roll(8) == 0 ? nil : version(model, target),
      content: content(model, target), author: author(), isAutosave: roll(2) == 0)
  }

  /// An edit of a page that names media that are being taken out of it, by somebody who has loaded it before.
  private mutating func carried(_ model: PageModel) -> PageCommand.Save? {
    let pages = model.pages.filter { $0.deletedAtMicros == nil && model.namesGone($0) }
    guard let page = pages.randomElement(using: &random) else { return nil }
    var content = page.content
    content.title = "edit \(roll(100))"
    let target = PageTarget(
      pageId: page.pageId, actingUserId: nil, maximumReplyByteCount: Self.replyByteCount)
    return .init(
      target: target, expectedVersion: roll(2) == 0 ? nil : page.current, content: content,
      author: author(), isAutosave: roll(2) == 0)
  }

  /// How far the time goes on before the next command: hardly, or by some hours or days.
  mutating func pauseMicros() -> Int64 {
    let hour: Int64 = 3_600_000_000
    return switch roll(60) {
    case 0: Int64(roll(12)) * 24 * hour
    case 1..<6: Int64(roll(360)) * hour / 60
    default: Int64(roll(3))
    }
  }

  private mutating func acting() -> String? { roll(4) == 0 ? pick(Self.users) : nil }

  private mutating func slug() -> String? { pick([nil, nil, "a", "b", "a/b"]) }

  private mutating func author() -> String { pick(["", "ada", "bob"]) }

  private mutating func target(_ model: PageModel, of wanted: String? = nil) -> PageTarget {
    let known = wanted.map { [$0] } ?? model.pages.map(\.pageId)
    let pageId = known.isEmpty || roll(12) == 0 ? pick(Self.pageIds) : pick(known)
    return PageTarget(
      pageId: pageId, actingUserId: acting(), maximumReplyByteCount: Self.replyByteCount)
  }

  /// The current version, or some before it, seldom one after.
  private mutating func version(_ model: PageModel, _ target: PageTarget) -> Int64 {
    let current = model.index(target.pageId, nil, deleted: nil).map { model.pages[$0].current } ?? 1
    return max(1, current + pick([0, 0, 0, -1, -1, -2, 1]))
  }

  // MARK: contents

  private mutating func mediaId(_ model: PageModel, _ userId: String?) -> String {
    if roll(3) > 0 { return "" }
    let own = model.media.filter { $0.userId == userId && $0.deletedAtMicros == nil }.map(\.mediaId)
    return own.isEmpty || roll(10) == 0 ? pick(Self.mediaIds) : pick(own)
  }

  private mutating func section(_ model: PageModel, _ id: String, _ userId: String?) -> PageSection {
    PageSection(
      sectionId: id, kind: pick(["hero", "list"]), content: pick(["", "caf\u{e9}", "cafe\u{301}"]),
      firstMediaId: mediaId(model, userId), secondMediaId: mediaId(model, userId))
  }

  private mutating func content(_ model: PageModel, _ target: PageTarget?) -> PageContent {
    let page = target.flatMap { model.index($0.pageId, nil, deleted: nil) }.map { model.pages[$0] }
    if let page, roll(3) == 0 {
      // What is there, and perhaps one thing else.
      var content = page.content
      if roll(2) == 0 { content.title = pick(["", "title"]) }
      return content
    }
    let ids = ["a", "b", "c", "d", "", ""].shuffled(using: &random).prefix(roll(6))
    let userId = page?.userId ?? pick(Self.users)
    return PageContent(
      title: pick(["", "title", "caf\u{e9}"]), settings: pick(["", "{}"]),
      sections: ids.map { section(model, $0, userId) })
  }

  private mutating func patch(_ model: PageModel, _ target: PageTarget) -> PagePatch {
    let page = model.index(target.pageId, nil, deleted: nil).map { model.pages[$0] }
    var patch = PagePatch()
    if roll(4) == 0 { patch.title = pick(["", "patched"]) }
    if roll(8) == 0 { patch.settings = pick(["", "{}"]) }
    for _ in 0...roll(3) {
      let ids = page?.content.sections.map(\.sectionId) ?? []
      let id = ids.isEmpty || roll(6) == 0 ? pick(["a", "b", "c", "d"]) : pick(ids)
      switch roll(5) {
      case 0:
        let made = pick(["", "e", id])
        patch.sections.append(.add(section(model, made, page?.userId), position: Int32(roll(5)) - 1))
      case 1, 2: patch.sections.append(.update(section(model, id, page?.userId)))
      case 3: patch.sections.append(.move(sectionId: id, position: Int32(roll(5)) - 1))
      default: patch.sections.append(.remove(sectionId: id))
      }
    }
    return patch
  }
}

extension PageCommand {
  fileprivate var isPatch: Bool {
    guard case .patch = self else { return false }
    return true
  }
}
