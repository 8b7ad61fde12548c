// Pages and media as messages.
//
// Invariants:
// 1. Nothing is decided here.

internal import TallyCore
internal import TallyMessages

extension TallystickV1.Media {
  init(_ media: Media) {
    self.init()
    mediaId = media.mediaId
    userId = media.userId
    url = media.url
    width = media.width
    height = media.height
    byteCount = media.byteCount
    mimeType = media.mimeType
    source = TallystickV1.MediaSource(rawValue: media.source.rawValue)
    runId = media.runId
    createdAtMicros = media.createdAtMicros
  }
}

extension TallystickV1.Section {
  init(_ section: SectionView) {
    self.init()
    sectionId = section.sectionId
    kind = section.kind
    content = section.content
    firstImage = section.firstImage.map(TallystickV1.Media.init)
    secondImage = section.secondImage.map(TallystickV1.Media.init)
  }
}

extension TallystickV1.Page {
  /// A page without its sections, as lists have it.
  init(_ facts: PageFacts) {
    self.init()
    pageId = facts.pageId
    userId = facts.userId
    title = facts.title
    settings = facts.settings
    version = facts.version
    createdAtMicros = facts.createdAtMicros
    updatedAtMicros = facts.updatedAtMicros
    author = facts.author
    publishedVersion = facts.publishedVersion ?? 0
    deletedAtMicros = facts.deletedAtMicros ?? 0
    sectionCount = Int32(clamping: facts.sectionCount)
    currentVersion = facts.currentVersion
    slug = facts.slug ?? ""
    scheduledVersion = facts.schedule?.version ?? 0
    scheduledAtMicros = facts.schedule?.atMicros ?? 0
    autosave = facts.isAutosave
  }

  init(_ view: PageView) {
    self.init(view.facts)
    sections = view.sections.map(TallystickV1.Section.init)
  }
}

extension TallystickV1.PageUpdate {
  init(_ update: PageUpdate) {
    self.init()
    updateNumber = update.number
    kind = TallystickV1.PageUpdateKind(rawValue: update.kind.rawValue)
    pageId = update.pageId
    userId = update.userId
    page = update.facts.map { TallystickV1.Page($0) }
    atMicros = update.atMicros
    commitSequence = update.commit.sequence
    commitPosition = update.commit.position
  }
}

extension TallystickV1.PageMatch {
  init(_ match: PageMatch) {
    self.init()
    page = TallystickV1.Page(match.facts)
    sectionId = match.sectionId ?? ""
    excerpt = match.excerpt.map { piece in
      var text = TallystickV1.TextPiece()
      text.text = piece.text
      text.matched = piece.isMatched
      return text
    }
  }
}
