// What the verbs of pages and media share: requests read from files, pages and media as text.
//
// Invariants:
// 1. What `tally pages show --input` prints is what `tally pages save` reads.
//
// Values, owned by nobody.

internal import ArgumentParser
internal import TallyMessages
internal import TallyProtoJSON

/// A request that stands in a file as proto3 JSON.
enum RequestFile {
  static let maximumByteCount = CallCommand.maximumRequestByteCount

  /// - Parameter path: `-` is standard input.
  static func read<Request: Message>(_ path: String, as type: Request.Type) throws -> Request {
    let name = path == "-" ? "standard input" : path
    let text =
      path == "-"
      ? try System.standardInput(limit: maximumByteCount)
      : try System.text(ofFile: path, limit: maximumByteCount)
    guard let text else { throw Failure(.noInput, "there is no file \(path)") }
    do {
      let encoder = MessageEncoder(pool: try DescriptorPool.embedded())
      return try Request.decode(try encoder.encode(try JSON.parse(text), as: Request.fullName))
    } catch let error as JSONError {
      throw Failure(.malformedInput, "\(name) is not JSON, at byte \(error.offset): \(error.message)")
    } catch let error as MismatchError {
      let place = error.path.isEmpty ? name : "\(name), \(error.path)"
      throw Failure(.malformedInput, "\(place): \(error.message)")
    } catch let error as DecodeError {
      throw Failure(.malformedInput, "\(name) is no \(Request.fullName): \(error)")
    }
  }
}

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

  /// A page's versions: only the published one says that it is.
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

extension TallystickV1.SavePageRequest {
  /// What saves a page's content as it is shown.
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
