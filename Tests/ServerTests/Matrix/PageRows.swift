// PageService's rows of the matrices.

import TTRPC
import TallyMessages

@testable import TallyServer

enum PageRows {
  private static let page = MethodRow.Scope.object(missing: "PAGE_NOT_FOUND")
  private static let media = MethodRow.Scope.object(missing: "MEDIA_NOT_FOUND")

  static let all: [MethodRow] = changes + states + versions + images

  private static let changes: [MethodRow] = [
    MethodRow(Pages.createPage, .service, .user) { request, rig, owner in
      request.userId = owner ?? rig.fresh("nobody")
      request.pageId = rig.fresh("page")
    },
    MethodRow(Pages.savePage, .service, page) { request, rig, owner in
      request.pageId = try await rig.page(owner)
      request.expectedVersion = 1
      request.title = "another"
    },
    MethodRow(Pages.patchPage, .service, page) { request, rig, owner in
      request.pageId = try await rig.page(owner)
      request.expectedVersion = 1
      request.title = "another"
    },
    MethodRow(Pages.duplicatePage, .service, page) { request, rig, owner in
      request.pageId = try await rig.page(owner)
      request.newPageId = rig.fresh("page")
    },
  ]

  private static let states: [MethodRow] = [
    MethodRow(Pages.deletePage, .service, page) { $0.pageId = try await $1.page($2) },
    MethodRow(Pages.undeletePage, .service, page) { $0.pageId = try await $1.deletedPage($2) },
    MethodRow(Pages.purgePage, .service, page) { $0.pageId = try await $1.deletedPage($2) },
    MethodRow(Pages.publish, .service, page) { $0.pageId = try await $1.page($2) },
    MethodRow(Pages.unpublish, .service, page) { $0.pageId = try await $1.page($2) },
    MethodRow(Pages.schedulePublish, .service, page) { request, rig, owner in
      request.pageId = try await rig.page(owner)
      request.atMicros = 4_000_000_000_000_000
    },
    MethodRow(Pages.cancelScheduledPublish, .service, page) { $0.pageId = try await $1.page($2) },
    MethodRow(Pages.setPageSlug, .service, page) { request, rig, owner in
      request.pageId = try await rig.page(owner)
      request.slug = rig.fresh("slug")
    },
  ]

  private static let versions: [MethodRow] = [
    MethodRow(Pages.getPage, .readonly, page) { $0.pageId = try await $1.page($2) },
    MethodRow(Pages.getPageBySlug, .readonly, .user) { request, rig, owner in
      request.userId = owner ?? rig.fresh("nobody")
      request.slug = try await rig.slug(owner)
    },
    MethodRow(Pages.listPages, .readonly, .user) { $0.userId = $2 ?? $1.fresh("nobody") },
    MethodRow(Pages.watchPages, .readonly, .user) { request, rig, owner in
      request.userIds = [owner ?? rig.fresh("nobody")]
    },
    MethodRow(Pages.searchPages, .readonly, .user) { request, rig, owner in
      request.userId = owner ?? rig.fresh("nobody")
      request.query = "title"
    },
    MethodRow(Pages.listVersions, .readonly, page) { $0.pageId = try await $1.page($2) },
    MethodRow(Pages.getVersion, .readonly, page) { request, rig, owner in
      request.pageId = try await rig.page(owner)
      request.version = 1
    },
    MethodRow(Pages.diffVersions, .readonly, page) { request, rig, owner in
      request.pageId = try await rig.page(owner)
      request.fromVersion = 1
    },
    MethodRow(Pages.restoreVersion, .service, page) { request, rig, owner in
      request.pageId = try await rig.page(owner)
      request.version = 1
      request.expectedVersion = 1
    },
  ]

  private static let images: [MethodRow] = [
    MethodRow(Pages.createMedia, .service, .user) { request, rig, owner in
      request.userId = owner ?? rig.fresh("nobody")
      request.mediaId = rig.fresh("media")
      request.url = "https://example.org"
      request.source = .upload
    },
    MethodRow(Pages.getMedia, .readonly, media) { $0.mediaId = try await $1.media($2) },
    MethodRow(Pages.listMedia, .readonly, .user) { $0.userId = $2 ?? $1.fresh("nobody") },
    MethodRow(Pages.deleteMedia, .service, media) { $0.mediaId = try await $1.media($2) },
  ]
}
