// Pages and media, as text for people.

internal import TallyMessages

extension Texts {
  static func change(_ reply: some PageChangeResponse) -> String {
    guard let change = reply.change, let page = change.page else { return "" }
    return facts(head(page, note: change.replayed ? " (unchanged)" : ""))
  }

  private static func head(_ page: TallystickV1.Page, note: String = "") -> [(String, String)] {
    var rows: [(String, String)] = [
      ("page", page.pageId + note), ("user", page.userId), ("title", page.title),
      ("version", page.version == page.currentVersion ? "\(page.version)" : versions(page)),
      ("sections", "\(page.sectionCount)"), ("made", Timestamp.format(page.createdAtMicros)),
      ("saved", Timestamp.format(page.updatedAtMicros) + (page.author.isEmpty ? "" : " by \(page.author)")),
      ("published", page.publishedVersion == 0 ? "no" : "version \(page.publishedVersion)"),
    ]
    if page.scheduledVersion != 0 {
      rows.append(
        ("scheduled", "version \(page.scheduledVersion) at \(Timestamp.format(page.scheduledAtMicros))"))
    }
    if page.autosave { rows.append(("autosave", "yes")) }
    if !page.slug.isEmpty { rows.append(("slug", page.slug)) }
    if page.deletedAtMicros != 0 { rows.append(("deleted", Timestamp.format(page.deletedAtMicros))) }
    return rows
  }

  private static func versions(_ page: TallystickV1.Page) -> String {
    "\(page.version), the current one is \(page.currentVersion)"
  }

  static func page(_ page: TallystickV1.Page) -> String {
    var rows = head(page)
    if !page.settings.isEmpty { rows.append(("settings", excerpt(page.settings))) }
    guard !page.sections.isEmpty else { return facts(rows) }
    var table = Table(
      [
        ("SECTION", .left), ("KIND", .left), ("FIRST IMAGE", .left), ("SECOND IMAGE", .left),
        ("CONTENT", .left),
      ], optional: ["SECOND IMAGE", "FIRST IMAGE"], flexible: "CONTENT")
    for section in page.sections {
      table.add([
        section.sectionId, section.kind, section.firstImage?.mediaId ?? "-",
        section.secondImage?.mediaId ?? "-", excerpt(section.content),
      ])
    }
    return facts(rows) + "\n" + table.text
  }

  private static let excerptCount = 60

  private static func excerpt(_ text: String) -> String {
    text.count <= excerptCount ? text : text.prefix(excerptCount - 3) + "..."
  }

  /// The versions of a page. The wire names the published version on each of them; the table marks only that
  /// version.
  static func versions(_ versions: [TallystickV1.Page], nextCursor: String) -> String {
    let rows = versions.map { version in
      var row = version
      if row.publishedVersion != row.version { row.publishedVersion = 0 }
      return row
    }
    return pages(rows, nextCursor: nextCursor)
  }

  static func pages(_ pages: [TallystickV1.Page], nextCursor: String) -> String {
    var table = Table(
      [
        ("PAGE", .left), ("TITLE", .left), ("VERSION", .right), ("PUBLISHED", .right), ("SECTIONS", .right),
        ("SAVED", .time), ("AUTHOR", .left), ("DELETED", .time),
      ], optional: ["SECTIONS", "AUTHOR", "DELETED", "SAVED"], flexible: "TITLE")
    for page in pages {
      table.add([
        page.pageId, excerpt(page.title), "\(page.version)",
        page.publishedVersion == 0 ? "-" : "\(page.publishedVersion)", "\(page.sectionCount)",
        Timestamp.format(page.updatedAtMicros), page.author.isEmpty ? "-" : page.author,
        page.deletedAtMicros == 0 ? "-" : Timestamp.format(page.deletedAtMicros),
      ])
    }
    return table.text + more(nextCursor)
  }

  static func matches(_ matches: [TallystickV1.PageMatch], nextCursor: String) -> String {
    var table = Table(
      [("PAGE", .left), ("TITLE", .left), ("SECTION", .left), ("TEXT", .left)], optional: ["SECTION"],
      flexible: "TEXT")
    for match in matches {
      let text = match.excerpt.map { $0.matched ? "[\($0.text)]" : $0.text }.joined()
      table.add([
        match.page?.pageId ?? "", excerpt(match.page?.title ?? ""),
        match.sectionId.isEmpty ? "-" : match.sectionId,
        text.split(whereSeparator: \.isWhitespace).joined(separator: " "),
      ])
    }
    return table.text + more(nextCursor)
  }

  static func media(_ media: TallystickV1.Media, replayed: Bool = false) -> String {
    present([
      ("media", media.mediaId + (replayed ? " (replayed)" : "")), ("user", media.userId), ("url", media.url),
      ("size", "\(media.width) x \(media.height), \(count(media.byteCount)) bytes"),
      ("type", media.mimeType), ("source", media.source.word), ("run", media.runId),
      ("made", Timestamp.format(media.createdAtMicros)),
    ])
  }

  static func media(_ media: [TallystickV1.Media], nextCursor: String) -> String {
    var table = Table(
      [
        ("MEDIA", .left), ("SOURCE", .left), ("SIZE", .left), ("BYTES", .right), ("MADE", .time),
        ("URL", .left),
      ], optional: ["BYTES", "SOURCE", "MADE", "SIZE"], flexible: "URL")
    for medium in media {
      table.add([
        medium.mediaId, medium.source.word, "\(medium.width) x \(medium.height)", count(medium.byteCount),
        Timestamp.format(medium.createdAtMicros), excerpt(medium.url),
      ])
    }
    return table.text + more(nextCursor)
  }
}
