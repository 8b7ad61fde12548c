// Differences of versions as messages.
//
// Invariants:
// 1. Nothing is decided here.

internal import TallyCore
internal import TallyMessages

extension TallystickV1.DiffVersionsResponse {
  init(_ diff: PageDiff) {
    self.init()
    title = diff.title.map(TallystickV1.TextDiff.init)
    settings = diff.settings.map(TallystickV1.TextDiff.init)
    sections = diff.sections.map(TallystickV1.SectionDiff.init)
  }
}

extension TallystickV1.TextDiff {
  fileprivate init(_ diff: TextDiff) {
    self.init()
    pieces = diff.pieces.map { piece in
      var message = TallystickV1.DiffPiece()
      message.kind =
        switch piece.kind {
        case .kept: .kept
        case .removed: .removed
        case .added: .added
        }
      message.text = piece.text
      return message
    }
    coarse = diff.isCoarse
    leftOut = diff.isLeftOut
  }
}

extension TallystickV1.SectionDiff {
  fileprivate init(_ section: PageDiff.Section) {
    self.init()
    sectionId = section.sectionId
    change =
      switch section.change {
      case .added: .added
      case .removed: .removed
      case .changed: .changed
      }
    moved = section.isMoved
    fromPosition = section.fromPosition.map { Int32(clamping: $0) }
    toPosition = section.toPosition.map { Int32(clamping: $0) }
    fromKind = section.fromKind
    toKind = section.toKind
    otherImages = section.hasOtherImages
    content = section.content.map(TallystickV1.TextDiff.init)
  }
}
