// When a batch takes no more.

internal import Testing

@testable internal import TallyCore

@Suite("Write set")
struct WriteSetTests {
  private static let contentByteCount = 1 << 20

  private func page(_ id: Int64) -> StoredPage {
    StoredPage(id: id, account: 1, facts: PageFacts(pageId: "page-\(id)", userId: "u"))
  }

  private func add(_ effect: (ProductEffects) -> Void, to writes: inout WriteSet) {
    var effects = Effects()
    effects.set(effect)
    writes.add(effects)
  }

  @Test("a batch is full once it has the limit of new page contents, not before")
  func contents() {
    var writes = WriteSet(nowMicros: 0, books: Books(), trailing: 0)
    let text = String(repeating: "a", count: Self.contentByteCount)
    let content = PageContent(sections: [PageSection(sectionId: "s", kind: "", content: text)])
    let count = WriteSet.maximumByteCount / Self.contentByteCount
    for number in 1...Int64(count) {
      #expect(!writes.isFull, "\(number)")
      let version = StoredVersion(
        version: 1, baseVersion: 0, author: "", atMicros: 0, content: content)
      let effect = PageEffect(page: page(number), isNew: true, version: version)
      add({ $0.pages = [effect] }, to: &writes)
    }
    #expect(writes.isFull)
  }

  @Test("a batch is full once its replies show the limit of page contents, not before")
  func replies() {
    var writes = WriteSet(nowMicros: 0, books: Books(), trailing: 0)
    let part = 1 << 16
    let section = PageSection(sectionId: "s", kind: "", content: String(repeating: "a", count: part))
    let view = PageView(facts: PageFacts(pageId: "p", userId: "u"), [section], media: [:])
    // Each counts for a little more than its content.
    for number in 1..<WriteSet.maximumReplyByteCount / part {
      writes.note(replyByteCount: view.replyByteCount)
      #expect(!writes.isFull, "\(number)")
    }
    writes.note(replyByteCount: view.replyByteCount)
    #expect(writes.isFull)
  }

  @Test("a purge ends a batch: the page's id may be given to another one")
  func purge() {
    var writes = WriteSet(nowMicros: 0, books: Books(), trailing: 0)
    let purged = page(1)
    add({ $0.purgedPage = purged }, to: &writes)
    #expect(writes.isFull)
  }
}
