// The reads of PageService: filters from requests, rows into replies.
//
// Invariants:
// 1. A list is cut before it outgrows the largest message; its cursor goes on from there.
// 2. What is kept of GetPage is the reply's bytes without its commit, and whose page it is: another user's
//    call never gets it.
//
// Values, owned by nobody.

internal import TallyCore
internal import TallyMessages

struct PageQueries {
  typealias RPCs = TallystickV1.PageService

  private let pages: any ServedEngine
  private let replies: ReplyCaches
  /// Largest reply that is sent.
  private let maximumReplyByteCount: Int

  init(_ services: Services) {
    pages = services.engine
    replies = services.replies
    maximumReplyByteCount = services.maximumReplyByteCount
  }

  /// What a list's reply has beside its rows, and not more: cursor and commit.
  static let listOverheadByteCount = 256

  private var listByteCount: Int { maximumReplyByteCount - Self.listOverheadByteCount }

  // MARK: GetPage

  /// The kept reply, if the caller may see it. Deleted pages are never kept.
  func kept(_ request: TallystickV1.GetPageRequest, _ caller: Caller) -> EncodedReply? {
    guard let kept = replies.page(pageId: request.pageId, Self.shown(request), pages),
      caller.actingUserId?.isExactly(kept.value.userId) ?? true
    else { return nil }
    return Self.reply(kept)
  }

  func page(_ request: TallystickV1.GetPageRequest, _ caller: Caller) throws(Refusal) -> EncodedReply {
    let shown = Self.shown(request)
    let view = try pages.page(
      pageId: request.pageId, shown, includesDeleted: request.includeDeleted,
      actingUserId: caller.actingUserId)
    var response = TallystickV1.GetPageResponse()
    response.page = TallystickV1.Page(view.value)
    let encoded = Snapshot(
      ReplyCaches.EncodedPage(bytes: response.encode(), userId: view.value.facts.userId),
      commitSequence: view.commitSequence)
    if view.value.facts.deletedAtMicros == nil { replies.keep(encoded, pageId: request.pageId, shown) }
    return Self.reply(encoded)
  }

  /// A message's fields may stand in two pieces: the page, which is kept, and the commit.
  private static func reply(_ page: Snapshot<ReplyCaches.EncodedPage>) -> EncodedReply {
    var commit = TallystickV1.GetPageResponse()
    commit.commitSequence = page.commitSequence
    return EncodedReply(bytes: page.value.bytes, tail: commit.encode())
  }

  private static func shown(_ request: TallystickV1.GetPageRequest) -> PageShown {
    request.published ? .published : .current
  }

  // MARK: lists

  func filter(_ request: TallystickV1.ListPagesRequest) throws(Refusal) -> PageFilter {
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    var filter = PageFilter(
      userId: request.userId, limit: try Fields.pageSize(request.limit), maximumByteCount: listByteCount)
    filter.includesDeleted = request.includeDeleted
    filter.before = try Cursor.decode(RPCs.listPages, request)
    return filter
  }

  func list(_ request: TallystickV1.ListPagesRequest) throws(Refusal) -> TallystickV1.ListPagesResponse {
    let snapshot = try pages.pages(try filter(request))
    var response = TallystickV1.ListPagesResponse()
    response.pages = snapshot.value.rows.map { TallystickV1.Page($0) }
    response.commitSequence = snapshot.commitSequence
    if let before = snapshot.value.nextBefore {
      response.nextCursor = Cursor.encode(before: before, RPCs.listPages, request)
    }
    return response
  }

  func filter(
    _ request: TallystickV1.ListVersionsRequest, _ caller: Caller?
  ) throws(Refusal) -> VersionFilter {
    try PageRequests.pageId(request.pageId)
    var filter = VersionFilter(
      pageId: request.pageId, actingUserId: caller?.actingUserId,
      limit: try Fields.pageSize(request.limit), maximumByteCount: listByteCount)
    filter.before = try Cursor.decode(RPCs.listVersions, request)
    return filter
  }

  func list(
    _ request: TallystickV1.ListVersionsRequest, _ caller: Caller
  ) throws(Refusal) -> TallystickV1.ListVersionsResponse {
    let snapshot = try pages.versions(try filter(request, caller))
    var response = TallystickV1.ListVersionsResponse()
    response.versions = snapshot.value.rows.map { TallystickV1.Page($0) }
    response.commitSequence = snapshot.commitSequence
    if let before = snapshot.value.nextBefore {
      response.nextCursor = Cursor.encode(before: before, RPCs.listVersions, request)
    }
    return response
  }

  func filter(_ request: TallystickV1.ListMediaRequest) throws(Refusal) -> MediaFilter {
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    var filter = MediaFilter(
      userId: request.userId, limit: try Fields.pageSize(request.limit), maximumByteCount: listByteCount)
    if request.source != .unspecified {
      guard let source = MediaSource(rawValue: request.source.rawValue) else {
        throw invalidField("source", "is not a source of media")
      }
      filter.source = source
    }
    filter.before = try Cursor.decode(RPCs.listMedia, request)
    return filter
  }

  func list(_ request: TallystickV1.ListMediaRequest) throws(Refusal) -> TallystickV1.ListMediaResponse {
    let snapshot = try pages.media(try filter(request))
    var response = TallystickV1.ListMediaResponse()
    response.media = snapshot.value.rows.map(TallystickV1.Media.init)
    response.commitSequence = snapshot.commitSequence
    if let before = snapshot.value.nextBefore {
      response.nextCursor = Cursor.encode(before: before, RPCs.listMedia, request)
    }
    return response
  }
}
