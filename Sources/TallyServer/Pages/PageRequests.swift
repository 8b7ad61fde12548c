// PageService's requests as commands: fields are checked, and defaults filled in.
//
// Invariants:
// 1. Ids of pages and media have no line feed, since the details of refusals separate ids by line feeds.
// 2. An empty author becomes the acting user. An empty id of a page or of media becomes 128 random bits.

internal import TallyCore
internal import TallyMessages

struct PageRequests {
  /// Largest reply that is sent.
  var maximumReplyByteCount: Int

  // MARK: pages

  func create(_ request: TallystickV1.CreatePageRequest, _ caller: Caller) throws(Refusal) -> Prepared<
    PageCommand.Create
  > {
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    let pageId = try Self.id(request.pageId, "page_id", made: "page", atMost: Limits.pageIdByteCount)
    let content = try Self.content(request.title, request.settings, request.sections)
    let command = PageCommand.Create(

      userId: request.userId, pageId: pageId, content: content,
      author: try Self.author(request.author, caller), slug: try Self.slug(request.slug),
      maximumReplyByteCount: maximumReplyByteCount)
    return Prepared(command: command, userId: request.userId)
  }

  func save(_ request: TallystickV1.SavePageRequest, _ caller: Caller) throws(Refusal) -> Prepared<
    PageCommand.Save
  > {
    let target = try target(request.pageId, caller)
    if !request.force { try Self.version(request.expectedVersion, "expected_version", from: 1) }
    let command = PageCommand.Save(

      target: target, expectedVersion: request.force ? nil : request.expectedVersion,
      content: try Self.content(request.title, request.settings, request.sections),
      author: try Self.author(request.author, caller), isAutosave: request.autosave)
    return Prepared(command: command)
  }

  func patch(
    _ request: TallystickV1.PatchPageRequest, _ digest: Digest, _ caller: Caller
  ) throws(Refusal) -> Prepared<PageCommand.Patch> {
    let target = try target(request.pageId, caller)
    try Self.version(request.expectedVersion, "expected_version", from: 1)
    var patch = PagePatch()
    if !request.patches.isEmpty || (request.title == nil && request.settings == nil) {
      try Fields.count(request.patches.count, "patches", atMost: Limits.patchCount)
    }
    for (index, operation) in request.patches.enumerated() {
      patch.sections.append(try Self.operation(operation, FieldPath(prefix: "patches[\(index)].")))
    }
    patch.title = request.title
    patch.settings = request.settings
    try Fields.optional(request.title ?? "", "title", atMost: Limits.titleByteCount)
    try Fields.optional(request.settings ?? "", "settings", atMost: Limits.pageSettingsByteCount)
    let command = PageCommand.Patch(

      target: target, expectedVersion: request.expectedVersion, patch: patch,
      author: try Self.author(request.author, caller), digest: digest)
    return Prepared(command: command)
  }

  func restore(_ request: TallystickV1.RestoreVersionRequest, _ caller: Caller) throws(Refusal) -> Prepared<
    PageCommand.Restore
  > {
    let target = try target(request.pageId, caller)
    try Self.version(request.version, "version", from: 1)
    try Self.version(request.expectedVersion, "expected_version", from: 1)
    let command = PageCommand.Restore(

      target: target, version: request.version, expectedVersion: request.expectedVersion,
      author: try Self.author(request.author, caller))
    return Prepared(command: command)
  }

  func duplicate(_ request: TallystickV1.DuplicatePageRequest, _ caller: Caller) throws(Refusal) -> Prepared<
    PageCommand.Duplicate
  > {
    let target = try target(request.pageId, caller)
    let newPageId = try Self.id(
      request.newPageId, "new_page_id", made: "page", atMost: Limits.pageIdByteCount)
    try Fields.optional(request.title, "title", atMost: Limits.titleByteCount)
    let command = PageCommand.Duplicate(

      target: target, newPageId: newPageId, title: request.title,
      author: try Self.author(request.author, caller))
    return Prepared(command: command)
  }

  func publish(_ request: TallystickV1.PublishRequest, _ caller: Caller) throws(Refusal) -> Prepared<
    PageCommand.Publish
  > {
    let target = try target(request.pageId, caller)
    try Self.version(request.version, "version", from: 0)
    return Prepared(command: PageCommand.Publish(target: target, version: request.version))
  }

  func schedule(
    _ request: TallystickV1.SchedulePublishRequest, _ caller: Caller
  ) throws(Refusal) -> Prepared<PageCommand.Schedule> {
    let target = try target(request.pageId, caller)
    try Self.version(request.version, "version", from: 0)
    try Fields.time(request.atMicros, "at_micros")
    let command = PageCommand.Schedule(
      target: target, version: request.version, atMicros: request.atMicros)
    return Prepared(command: command)
  }

  func setSlug(_ request: TallystickV1.SetPageSlugRequest, _ caller: Caller) throws(Refusal) -> Prepared<
    PageCommand.SetSlug
  > {
    let target = try target(request.pageId, caller)
    return Prepared(command: PageCommand.SetSlug(target: target, slug: try Self.slug(request.slug)))
  }

  func target(_ pageId: String, _ caller: Caller) throws(Refusal) -> PageTarget {
    try Self.pageId(pageId)
    return PageTarget(
      pageId: pageId, actingUserId: caller.actingUserId, maximumReplyByteCount: maximumReplyByteCount)
  }

  // MARK: media

  static func createMedia(_ request: TallystickV1.CreateMediaRequest) throws(Refusal) -> Prepared<
    PageCommand.CreateMedia
  > {
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    let mediaId = try id(request.mediaId, "media_id", made: "media", atMost: Limits.mediaIdByteCount)
    try Fields.required(request.url, "url", atMost: Limits.urlByteCount)
    try notNegative(Int64(request.width), "width")
    try notNegative(Int64(request.height), "height")
    try notNegative(request.byteCount, "byte_count")
    try Fields.optional(request.mimeType, "mime_type", atMost: Limits.mimeTypeByteCount)
    guard let source = MediaSource(rawValue: request.source.rawValue) else {
      throw invalidField("source", "must be set to a known value")
    }
    try Fields.optional(request.runId, "run_id", atMost: Limits.runIdByteCount)
    let media = Media(
      mediaId: mediaId, userId: request.userId, url: request.url, width: request.width,
      height: request.height, byteCount: request.byteCount, mimeType: request.mimeType, source: source,
      runId: request.runId)
    return Prepared(command: PageCommand.CreateMedia(media), userId: request.userId)
  }

  static func deleteMedia(
    _ request: TallystickV1.DeleteMediaRequest, _ caller: Caller
  ) throws(Refusal) -> Prepared<PageCommand.DeleteMedia> {
    try self.mediaId(request.mediaId)
    let command = PageCommand.DeleteMedia(
      mediaId: request.mediaId, actingUserId: caller.actingUserId, detaches: request.detach,
      author: try author(request.author, caller))
    return Prepared(command: command)
  }

  // MARK: fields

  static func pageId(_ pageId: String) throws(Refusal) {
    try Fields.required(pageId, "page_id", atMost: Limits.pageIdByteCount)
  }

  static func mediaId(_ mediaId: String) throws(Refusal) {
    try Fields.required(mediaId, "media_id", atMost: Limits.mediaIdByteCount)
  }

  /// nil when it is empty.
  static func slug(_ slug: String) throws(Refusal) -> String? {
    if slug.isEmpty { return nil }
    try Fields.optional(slug, "slug", atMost: PageLimits.slugByteCount)
    guard PageRules.isSlug(slug) else {
      throw invalidField(
        "slug",
        "must be lower-case letters a to z, digits and '-', in parts divided by '/' that begin and end "
          + "with a letter or a digit")
    }
    return slug
  }

  static func version(_ version: Int64, _ field: String, from least: Int64) throws(Refusal) {
    if version < least { throw invalidField(field, "must be \(least) or more") }
  }

  private static func notNegative(_ number: Int64, _ field: String) throws(Refusal) {
    if number < 0 { throw invalidField(field, "must not be negative") }
  }

  /// The id of what the request makes; a new one when it is empty.
  private static func id(
    _ id: String, _ field: String, made prefix: String, atMost limit: Int
  ) throws(Refusal) -> String {
    if id.isEmpty {
      let random = (UInt64.random(in: 0...UInt64.max), UInt64.random(in: 0...UInt64.max))
      return "\(prefix)-\(String(random.0, radix: 36))-\(String(random.1, radix: 36))"
    }
    try Fields.optional(id, field, atMost: limit)
    try oneLine(id, field)
    return id
  }

  private static func oneLine(_ id: String, _ field: String) throws(Refusal) {
    if id.utf8.contains(UInt8(ascii: "\n")) { throw invalidField(field, "must not contain a line feed") }
  }

  private static func author(_ author: String, _ caller: Caller) throws(Refusal) -> String {
    try Fields.optional(author, "author", atMost: Limits.actorByteCount)
    return author.isEmpty ? caller.actingUserId ?? "" : author
  }

  private static func content(
    _ title: String, _ settings: String, _ sections: [TallystickV1.SectionInput]
  ) throws(Refusal) -> PageContent {
    try Fields.optional(title, "title", atMost: Limits.titleByteCount)
    try Fields.optional(settings, "settings", atMost: Limits.pageSettingsByteCount)
    var content = PageContent(title: title, settings: settings)
    // Before the first of them is checked.
    if sections.count > PageLimits.sectionCount {
      throw invalidField(
        "sections", "has \(sections.count) elements; the limit is \(PageLimits.sectionCount)",
        limit: Int64(PageLimits.sectionCount))
    }
    var ids: Set<ExactText> = []
    var duplicate: String?
    for (index, input) in sections.enumerated() {
      let section = try section(input, FieldPath(prefix: "sections[\(index)]."))
      if !section.sectionId.isEmpty, !ids.insert(ExactText(section.sectionId)).inserted {
        duplicate = duplicate ?? section.sectionId
      }
      content.sections.append(section)
    }
    try content.check(field: "sections")
    if let duplicate {
      throw Refusal(
        .duplicateSection, "two sections have the id \(duplicate)", details: ["section_id": duplicate])
    }
    return content
  }

  private static func section(
    _ input: TallystickV1.SectionInput, _ path: FieldPath
  ) throws(Refusal) -> PageSection {
    try Fields.optional(input.sectionId, path("section_id"), atMost: Limits.sectionIdByteCount)
    try oneLine(input.sectionId, path("section_id"))
    try Fields.required(input.kind, path("kind"), atMost: Limits.sectionKindByteCount)
    try Fields.optional(input.content, path("content"), atMost: PageLimits.contentByteCount)
    try Fields.optional(input.firstMediaId, path("first_media_id"), atMost: Limits.mediaIdByteCount)
    try Fields.optional(input.secondMediaId, path("second_media_id"), atMost: Limits.mediaIdByteCount)
    return PageSection(
      sectionId: input.sectionId, kind: input.kind, content: input.content,
      firstMediaId: input.firstMediaId, secondMediaId: input.secondMediaId)
  }

  private static func operation(
    _ patch: TallystickV1.SectionPatch, _ path: FieldPath
  ) throws(Refusal) -> SectionPatch {
    switch patch.operation {
    case .add(let input):
      return .add(try section(input, FieldPath(prefix: path("add."))), position: patch.position)
    case .update(let input):
      let section = try section(input, FieldPath(prefix: path("update.")))
      try named(section.sectionId, path("update.section_id"))
      return .update(section)
    case .move(let sectionId):
      try named(sectionId, path("move"))
      return .move(sectionId: sectionId, position: patch.position)
    case .remove(let sectionId):
      try named(sectionId, path("remove"))
      return .remove(sectionId: sectionId)
    case nil: throw invalidField(path("operation"), "must be set")
    }
  }

  private static func named(_ sectionId: String, _ field: String) throws(Refusal) {
    try Fields.required(sectionId, field, atMost: Limits.sectionIdByteCount)
  }
}
