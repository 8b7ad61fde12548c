// What tests of pages share: short ways to make and change them.

import TTRPC
import TallyMessages
import Testing

@testable import TallyServer

typealias Pages = TallystickV1.PageService

func section(
  _ id: String, _ content: String = "{}", kind: String = "hero", first: String = "", second: String = ""
) -> TallystickV1.SectionInput {
  var section = TallystickV1.SectionInput()
  section.sectionId = id
  section.kind = kind
  section.content = content
  section.firstMediaId = first
  section.secondMediaId = second
  return section
}

extension LiveServer {
  @discardableResult
  func makePage(
    _ pageId: String, user: String = "u1", title: String = "Title",
    _ sections: [TallystickV1.SectionInput] = []
  ) async throws -> TallystickV1.PageChange {
    let response = try await call(Pages.createPage) {
      $0.userId = user
      $0.pageId = pageId
      $0.title = title
      $0.sections = sections
    }
    return try #require(response.change)
  }

  @discardableResult
  func save(
    _ pageId: String, from version: Int64, title: String = "Title",
    _ sections: [TallystickV1.SectionInput], author: String = "", force: Bool = false
  ) async throws -> TallystickV1.PageChange {
    let response = try await call(Pages.savePage) {
      $0.pageId = pageId
      $0.expectedVersion = version
      $0.title = title
      $0.sections = sections
      $0.author = author
      $0.force = force
    }
    return try #require(response.change)
  }

  @discardableResult
  func patch(
    _ pageId: String, from version: Int64, _ patches: [TallystickV1.SectionPatch]
  ) async throws -> TallystickV1.PatchPageResponse {
    try await call(Pages.patchPage) {
      $0.pageId = pageId
      $0.expectedVersion = version
      $0.patches = patches
    }
  }

  func page(_ pageId: String, published: Bool = false, actingUser: String? = nil) async throws
    -> TallystickV1.Page
  {
    let response = try await call(Pages.getPage, actingUser: actingUser) {
      $0.pageId = pageId
      $0.published = published
    }
    return try #require(response.page)
  }

  @discardableResult
  func makeMedia(
    _ mediaId: String, user: String = "u1", source: TallystickV1.MediaSource = .generated,
    url: String? = nil
  ) async throws -> TallystickV1.CreateMediaResponse {
    try await call(Pages.createMedia) {
      $0.userId = user
      $0.mediaId = mediaId
      $0.url = url ?? "https://example.com/\(mediaId).webp"
      $0.width = 640
      $0.height = 480
      $0.byteCount = 12_345
      $0.mimeType = "image/webp"
      $0.source = source
    }
  }

  /// What a call fails with; nil when it succeeds.
  func failure<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, actingUser: String? = nil, _ fill: (inout Request) -> Void
  ) async throws -> Failed? {
    do {
      _ = try await call(rpc, actingUser: actingUser, fill)
      return nil
    } catch let failed as Failed { return failed }
  }
}

extension TallystickV1.SectionPatch {
  static func add(_ section: TallystickV1.SectionInput, at position: Int32 = -1) -> Self {
    make(.add(section), position)
  }

  static func update(_ section: TallystickV1.SectionInput) -> Self { make(.update(section)) }

  static func move(_ sectionId: String, to position: Int32) -> Self { make(.move(sectionId), position) }

  static func remove(_ sectionId: String) -> Self { make(.remove(sectionId)) }

  private static func make(_ operation: Operation, _ position: Int32 = 0) -> Self {
    var patch = Self()
    patch.operation = operation
    patch.position = position
    return patch
  }
}
