// What PageService reads: queries from requests, and replies from what the engine answers.
//
// Invariants:
// 1. A list is cut before it outgrows the largest message; its cursor goes on from there.
// 2. Replies of GetPage are kept without their commit, and with the page's user: a call that acts for another
//    user never gets them.

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

  /// The most that a list's reply has beside its rows: the cursor and the commit.
  static let listOverheadByteCount = 256

  private var listByteCount: Int { maximumReplyByteCount - Self.listOverheadByteCount }

  // MARK: one page

  /// A page or one of its versions, for a call that acts for a user or for nobody.
  struct PageQuery {
    var pageId: String
    var shown: PageShown
    var includesDeleted: Bool
    var actingUserId: String?
  }

  func parse(_ request: TallystickV1.GetPageRequest, _ caller: Caller) throws(Refusal) -> PageQuery {
    try PageRequests.pageId(request.pageId)
    return PageQuery(
      pageId: request.pageId, shown: request.published ? .published : .current,
      includesDeleted: request.includeDeleted, actingUserId: caller.actingUserId)
  }

  /// The kept reply, if the caller may see it. Deleted pages are never kept.
  func kept(_ query: PageQuery) -> EncodedReply? {
    guard let kept = replies.page(pageId: query.pageId, query.shown, pages),
      query.actingUserId?.isExactly(kept.value.userId) ?? true
    else { return nil }
    return Self.reply(kept)
  }

  func page(_ query: PageQuery) throws(Refusal) -> EncodedReply {
    let view = try pages.page(
      pageId: query.pageId, query.shown, includesDeleted: query.includesDeleted,
      actingUserId: query.actingUserId)
    var response = TallystickV1.GetPageResponse()
    response.page = TallystickV1.Page(view.value)
    let encoded = Snapshot(
      ReplyCaches.EncodedPage(bytes: response.encode(), userId: view.value.facts.userId),
      commitSequence: view.commitSequence)
    // What is scheduled becomes true without a commit.
    if view.value.facts.deletedAtMicros == nil, view.value.facts.schedule == nil {
      replies.keep(encoded, pageId: query.pageId, query.shown)
    }
    return Self.reply(encoded)
  }

  /// The bytes of a message may come in two pieces: the page, which is kept, and the commit.
  private static func reply(_ page: Snapshot<ReplyCaches.EncodedPage>) -> EncodedReply {
    var commit = TallystickV1.GetPageResponse()
    commit.commitSequence = page.commitSequence
    return EncodedReply(bytes: page.value.bytes, tail: commit.encode())
  }

  struct SlugQuery {
    var userId: String
    var slug: String
    var shown: PageShown
  }

  func parse(_ request: TallystickV1.GetPageBySlugRequest) throws(Refusal) -> SlugQuery {
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    guard let slug = try PageRequests.slug(request.slug) else {
      throw invalidField("slug", "must not be empty")
    }
    return SlugQuery(userId: request.userId, slug: slug, shown: request.published ? .published : .current)
  }

  func page(_ query: SlugQuery) throws(Refusal) -> TallystickV1.GetPageBySlugResponse {
    let snapshot = try pages.page(userId: query.userId, slug: query.slug, query.shown)
    var response = TallystickV1.GetPageBySlugResponse()
    response.page = TallystickV1.Page(snapshot.value)
    response.commitSequence = snapshot.commitSequence
    return response
  }

  struct VersionQuery {
    var pageId: String
    var version: Int64
    var actingUserId: String?
  }

  func parse(_ request: TallystickV1.GetVersionRequest, _ caller: Caller) throws(Refusal) -> VersionQuery {
    try PageRequests.pageId(request.pageId)
    try PageRequests.version(request.version, "version", from: 1)
    return VersionQuery(
      pageId: request.pageId, version: request.version, actingUserId: caller.actingUserId)
  }

  func version(_ query: VersionQuery) throws(Refusal) -> TallystickV1.GetVersionResponse {
    let snapshot = try pages.version(
      pageId: query.pageId, version: query.version, actingUserId: query.actingUserId)
    var response = TallystickV1.GetVersionResponse()
    response.page = TallystickV1.Page(snapshot.value)
    response.commitSequence = snapshot.commitSequence
    return response
  }

  struct DiffQuery {
    var pageId: String
    var from: Int64
    var to: Int64?
    var actingUserId: String?
  }

  func parse(_ request: TallystickV1.DiffVersionsRequest, _ caller: Caller) throws(Refusal) -> DiffQuery {
    try PageRequests.pageId(request.pageId)
    try PageRequests.version(request.fromVersion, "from_version", from: 1)
    try PageRequests.version(request.toVersion, "to_version", from: 0)
    return DiffQuery(
      pageId: request.pageId, from: request.fromVersion,
      to: request.toVersion == 0 ? nil : request.toVersion, actingUserId: caller.actingUserId)
  }

  func diff(_ query: DiffQuery) throws(Refusal) -> TallystickV1.DiffVersionsResponse {
    let pair = try pages.versions(
      pageId: query.pageId, from: query.from, to: query.to, actingUserId: query.actingUserId)
    var response = TallystickV1.DiffVersionsResponse(
      PageDiff(from: pair.value.from, to: pair.value.to, maximumByteCount: maximumReplyByteCount))
    response.fromVersion = pair.value.fromVersion
    response.toVersion = pair.value.toVersion
    response.commitSequence = pair.commitSequence
    return response
  }

  struct OneMediaQuery {
    var mediaId: String
    var actingUserId: String?
  }

  func parse(_ request: TallystickV1.GetMediaRequest, _ caller: Caller) throws(Refusal) -> OneMediaQuery {
    try PageRequests.mediaId(request.mediaId)
    return OneMediaQuery(mediaId: request.mediaId, actingUserId: caller.actingUserId)
  }

  func media(_ query: OneMediaQuery) throws(Refusal) -> TallystickV1.GetMediaResponse {
    let snapshot = try pages.media(mediaId: query.mediaId, actingUserId: query.actingUserId)
    var response = TallystickV1.GetMediaResponse()
    response.media = TallystickV1.Media(snapshot.value)
    response.commitSequence = snapshot.commitSequence
    return response
  }

  // MARK: lists

  typealias PagesQuery = ListQuery<TallystickV1.ListPagesRequest, PageFilter>
  typealias VersionsQuery = ListQuery<TallystickV1.ListVersionsRequest, VersionFilter>
  typealias MediaQuery = ListQuery<TallystickV1.ListMediaRequest, MediaFilter>

  func parse(_ request: TallystickV1.ListPagesRequest) throws(Refusal) -> PagesQuery {
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    var filter = PageFilter(
      userId: request.userId, limit: try Fields.pageSize(request.limit), maximumByteCount: listByteCount)
    filter.includesDeleted = request.includeDeleted
    filter.before = try Cursor.decode(RPCs.listPages, request)
    return ListQuery(request, filter)
  }

  func list(_ query: PagesQuery) throws(Refusal) -> TallystickV1.ListPagesResponse {
    let snapshot = try pages.pages(query.filter)
    var response = TallystickV1.ListPagesResponse()
    response.pages = snapshot.value.rows.map { TallystickV1.Page($0) }
    response.commitSequence = snapshot.commitSequence
    if let before = snapshot.value.nextBefore {
      response.nextCursor = Cursor.encode(before: before, RPCs.listPages, query.request)
    }
    return response
  }

  typealias SearchQuery = ListQuery<TallystickV1.SearchPagesRequest, PageSearch>

  func parse(_ request: TallystickV1.SearchPagesRequest) throws(Refusal) -> SearchQuery {
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    try Fields.required(request.query, "query", atMost: PageLimits.queryByteCount)
    if request.limit < 0 || request.limit > PageLimits.matchCount {
      throw invalidField(
        "limit", "must be from 0 to \(PageLimits.matchCount)", limit: Int64(PageLimits.matchCount))
    }
    var search = PageSearch(
      userId: request.userId, query: try WordQuery(parsing: request.query),
      limit: request.limit == 0 ? PageLimits.defaultMatchCount : Int(request.limit),
      maximumByteCount: listByteCount)
    search.from = try Cursor.decode(RPCs.searchPages, request) ?? 0
    return ListQuery(request, search)
  }

  func search(_ query: SearchQuery) throws(Refusal) -> TallystickV1.SearchPagesResponse {
    let snapshot = try pages.search(query.filter)
    var response = TallystickV1.SearchPagesResponse()
    response.matches = snapshot.value.rows.map { TallystickV1.PageMatch($0) }
    response.commitSequence = snapshot.commitSequence
    if let next = snapshot.value.nextBefore {
      response.nextCursor = Cursor.encode(before: next, RPCs.searchPages, query.request)
    }
    return response
  }

  func parse(
    _ request: TallystickV1.ListVersionsRequest, _ caller: Caller
  ) throws(Refusal) -> VersionsQuery {
    try PageRequests.pageId(request.pageId)
    var filter = VersionFilter(
      pageId: request.pageId, actingUserId: caller.actingUserId,
      limit: try Fields.pageSize(request.limit), maximumByteCount: listByteCount)
    filter.before = try Cursor.decode(RPCs.listVersions, request)
    return ListQuery(request, filter)
  }

  func list(_ query: VersionsQuery) throws(Refusal) -> TallystickV1.ListVersionsResponse {
    let snapshot = try pages.versions(query.filter)
    var response = TallystickV1.ListVersionsResponse()
    response.versions = snapshot.value.rows.map { TallystickV1.Page($0) }
    response.commitSequence = snapshot.commitSequence
    if let before = snapshot.value.nextBefore {
      response.nextCursor = Cursor.encode(before: before, RPCs.listVersions, query.request)
    }
    return response
  }

  func parse(_ request: TallystickV1.ListMediaRequest) throws(Refusal) -> MediaQuery {
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
    return ListQuery(request, filter)
  }

  func list(_ query: MediaQuery) throws(Refusal) -> TallystickV1.ListMediaResponse {
    let snapshot = try pages.media(query.filter)
    var response = TallystickV1.ListMediaResponse()
    response.media = snapshot.value.rows.map(TallystickV1.Media.init)
    response.commitSequence = snapshot.commitSequence
    if let before = snapshot.value.nextBefore {
      response.nextCursor = Cursor.encode(before: before, RPCs.listMedia, query.request)
    }
    return response
  }
}
