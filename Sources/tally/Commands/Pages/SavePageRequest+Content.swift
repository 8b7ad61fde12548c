// A page's content in the form in which it is saved.
//
// Invariants:
// 1. What `tally pages show --input` prints is what `tally pages save` reads.

internal import TallyMessages

extension TallystickV1.SavePageRequest {
  /// The request that saves the content of a page unchanged.
  init(content page: TallystickV1.Page) {
    self.init()
    pageId = page.pageId
    expectedVersion = page.currentVersion
    title = page.title
    settings = page.settings
    sections = page.sections.map { section in
      var input = TallystickV1.SectionInput()
      input.sectionId = section.sectionId
      input.kind = section.kind
      input.content = section.content
      input.firstMediaId = section.firstImage?.mediaId ?? ""
      input.secondMediaId = section.secondImage?.mediaId ?? ""
      return input
    }
  }
}
