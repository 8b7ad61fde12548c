// Refusals of pages and media, with what a client needs to act.

package enum PageRefusals {
  package static func pageNotFound(_ pageId: String) -> Refusal {
    Refusal(.pageNotFound, "there is no such page", details: ["page_id": pageId])
  }

  /// The page is there, but deleted.
  package static func pageDeleted(_ page: PageFacts) -> Refusal {
    Refusal(
      .pageNotFound, "the page is deleted",
      details: ["page_id": page.pageId, "deleted_at_micros": String(page.deletedAtMicros ?? 0)])
  }

  /// A search has taken what one may.
  package static var searchTooLong: Refusal {
    let seconds = PageLimits.searchProcessorNanoseconds / 1_000_000_000
    return Refusal(
      .invalidField,
      "query takes more than \(seconds) seconds of the processor's time; ask for fewer or rarer words",
      details: ["field": "query", "limit": String(seconds)])
  }

  package static func pageNotDeleted(_ pageId: String) -> Refusal {
    Refusal(
      .pageNotFound, "the page is not deleted; only a deleted page can be purged",
      details: ["page_id": pageId])
  }

  package static func pageNotPublished(_ pageId: String) -> Refusal {
    Refusal(.pageNotFound, "the page is not published", details: ["page_id": pageId])
  }

  package static func versionNotFound(_ version: Int64) -> Refusal {
    Refusal(.versionNotFound, "the page has no such version", details: ["version": String(version)])
  }

  package static func mediaNotFound(_ mediaId: String) -> Refusal {
    Refusal(.mediaNotFound, "the user has no such media", details: ["media_id": mediaId])
  }

  /// Of the first, in the order of bytes, that is not there.
  static func missing(_ ids: Set<ExactText>, among media: [ExactText: StoredMedia]) -> Refusal? {
    ids.filter { media[$0] == nil }.min().map { mediaNotFound($0.text) }
  }

  static func pageIdInUse(_ pageId: String) -> Refusal {
    Refusal(
      .idempotencyMismatch, "the page id is in use for another page", details: ["page_id": pageId])
  }

  static func slugTaken(_ slug: String, by pageId: String) -> Refusal {
    Refusal(
      .slugTaken, "another page of the user has the slug \(slug)",
      details: ["slug": slug, "page_id": pageId])
  }

  package static func slugNotFound(_ slug: String) -> Refusal {
    Refusal(.pageNotFound, "the user has no page of this slug", details: ["slug": slug])
  }

  static func mediaIdInUse(_ mediaId: String) -> Refusal {
    Refusal(
      .idempotencyMismatch, "the media id is in use for other media", details: ["media_id": mediaId])
  }

  static func conflict(_ difference: PageDifference, _ current: StoredVersion) -> Refusal {
    var fields: [String] = []
    if difference.title { fields.append("title") }
    if difference.settings { fields.append("settings") }
    return Refusal(
      .versionConflict, "the page is at version \(current.version)",
      details: [
        "current_version": String(current.version), "author": current.author,
        "changed_sections": named(difference.sectionIds), "changed_fields": fields.joined(separator: "\n"),
      ])
  }

  static func mediaInUse(_ mediaId: String, by pageIds: [String]) -> Refusal {
    Refusal(
      .mediaInUse, "pages use this media", details: ["media_id": mediaId, "page_ids": named(pageIds)])
  }

  private static func named(_ ids: [String]) -> String {
    ids.prefix(PageLimits.namedIdCount).joined(separator: "\n")
  }
}
