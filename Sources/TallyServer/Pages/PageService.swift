// tallystick.v1.PageService: each method with its command or query.
//
// Invariants:
// 1. Nothing is decided here: commands go to the engine, whose outcome is the reply.
// 2. A page that was kept is answered on the connection's queue, without being encoded again.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

struct PageService {
  typealias RPCs = TallystickV1.PageService

  var services: Services

  var bindings: [Binding] { changes + states + media + reads + lists }

  private var changes: [Binding] {
    let requests = PageRequests(maximumReplyByteCount: services.maximumReplyByteCount)
    return [
      change(RPCs.createPage) { request, caller throws(Refusal) in try requests.create(request, caller) },
      change(RPCs.savePage) { request, caller throws(Refusal) in try requests.save(request, caller) },
      change(RPCs.restoreVersion) { request, caller throws(Refusal) in
        try requests.restore(request, caller)
      },
      change(RPCs.duplicatePage) { request, caller throws(Refusal) in
        try requests.duplicate(request, caller)
      },
      services.mutation(RPCs.patchPage, role: .service) { request, digest, caller throws(Refusal) in
        try requests.patch(request, digest, caller)
      } reply: { receipt in
        var response = TallystickV1.PatchPageResponse()
        response.change = TallystickV1.PageChange(receipt)
        response.rebased = receipt.rebased
        return response
      },
    ]
  }

  private var states: [Binding] {
    let requests = PageRequests(maximumReplyByteCount: services.maximumReplyByteCount)
    return [
      change(RPCs.publish) { request, caller throws(Refusal) in try requests.publish(request, caller) },
      WatchStream.pageBinding(services),
      change(RPCs.unpublish) { request, caller throws(Refusal) in
        Prepared(command: PageCommand.Unpublish(target: try requests.target(request.pageId, caller)))
      },
      change(RPCs.schedulePublish) { request, caller throws(Refusal) in
        try requests.schedule(request, caller)
      },
      change(RPCs.cancelScheduledPublish) { request, caller throws(Refusal) in
        Prepared(command: PageCommand.CancelSchedule(target: try requests.target(request.pageId, caller)))
      },
      change(RPCs.setPageSlug) { request, caller throws(Refusal) in try requests.setSlug(request, caller) },
      change(RPCs.deletePage) { request, caller throws(Refusal) in
        Prepared(command: PageCommand.Delete(target: try requests.target(request.pageId, caller)))
      },
      change(RPCs.undeletePage) { request, caller throws(Refusal) in
        Prepared(command: PageCommand.Undelete(target: try requests.target(request.pageId, caller)))
      },
      services.unkeyedMutation(RPCs.purgePage, role: .service) { request, caller throws(Refusal) in
        Prepared(command: PageCommand.Purge(target: try requests.target(request.pageId, caller)))
      } reply: { receipt in
        var response = TallystickV1.PurgePageResponse()
        response.versions = receipt.versions
        response.commitSequence = receipt.commit.sequence
        response.commitPosition = receipt.commit.position
        return response
      },
    ]
  }

  private var media: [Binding] {
    [
      services.unkeyedMutation(RPCs.createMedia, role: .service) { request, _ throws(Refusal) in
        try PageRequests.createMedia(request)
      } reply: { receipt in
        var response = TallystickV1.CreateMediaResponse()
        response.media = TallystickV1.Media(receipt.media)
        response.replayed = receipt.replayed
        response.commitSequence = receipt.commit.sequence
        response.commitPosition = receipt.commit.position
        return response
      },
      services.unkeyedMutation(RPCs.deleteMedia, role: .service) { request, caller throws(Refusal) in
        try PageRequests.deleteMedia(request, caller)
      } reply: { deletion in
        var response = TallystickV1.DeleteMediaResponse()
        response.detachedPageIds = deletion.detachedPageIds
        response.remainingPageCount = Int32(deletion.remainingPageCount)
        response.replayed = deletion.replayed
        response.commitSequence = deletion.commit.sequence
        response.commitPosition = deletion.commit.position
        return response
      },
    ]
  }

  private var reads: [Binding] {
    let queries = PageQueries(services)
    return [
      services.encodedQuery(
        RPCs.getPage,
        parse: { request, caller throws(Refusal) in try queries.parse(request, caller) },
        quick: { query in queries.kept(query) },
        read: { query throws(Refusal) in try queries.page(query) }),
      services.query(
        RPCs.getPageBySlug,
        parse: { request, _ throws(Refusal) in try queries.parse(request) },
        userIds: { [$0.userId] },
        read: { query throws(Refusal) in try queries.page(query) }),
      services.query(
        RPCs.getVersion,
        parse: { request, caller throws(Refusal) in try queries.parse(request, caller) },
        read: { query throws(Refusal) in try queries.version(query) }),
      services.query(
        RPCs.diffVersions, isLong: true,
        parse: { request, caller throws(Refusal) in try queries.parse(request, caller) },
        read: { query throws(Refusal) in try queries.diff(query) }),
      services.query(
        RPCs.getMedia,
        parse: { request, caller throws(Refusal) in try queries.parse(request, caller) },
        read: { query throws(Refusal) in try queries.media(query) }),
    ]
  }

  private var lists: [Binding] {
    let queries = PageQueries(services)
    return [
      services.query(
        RPCs.listPages,
        parse: { request, _ throws(Refusal) in try queries.parse(request) },
        userIds: { [$0.userId] },
        read: { query throws(Refusal) in try queries.list(query) }),
      services.query(
        RPCs.searchPages, isLong: true,
        parse: { request, _ throws(Refusal) in try queries.parse(request) },
        userIds: { [$0.userId] },
        read: { query throws(Refusal) in try queries.search(query) }),
      services.query(
        RPCs.listVersions,
        parse: { request, caller throws(Refusal) in try queries.parse(request, caller) },
        read: { query throws(Refusal) in try queries.list(query) }),
      services.query(
        RPCs.listMedia,
        parse: { request, _ throws(Refusal) in try queries.parse(request) },
        userIds: { [$0.userId] },
        read: { query throws(Refusal) in try queries.list(query) }),
    ]
  }

  /// A mutation whose reply is the page after the change.
  private func change<Request: Message, Response: PageChangeResponse, Command: Mutation>(
    _ rpc: RPC<Request, Response>,
    prepare: @escaping @Sendable (Request, Caller) throws(Refusal) -> Prepared<Command>
  ) -> Binding where Command.Reply == PageReceipt {
    services.unkeyedMutation(rpc, role: .service, prepare: prepare) { receipt in
      var response = Response()
      response.change = TallystickV1.PageChange(receipt)
      return response
    }
  }
}

extension TallystickV1.PageChange {
  fileprivate init(_ receipt: PageReceipt) {
    self.init()
    page = TallystickV1.Page(receipt.view)
    replayed = receipt.replayed
    commitSequence = receipt.commit.sequence
    commitPosition = receipt.commit.position
  }
}
