// tallystick.v1.PageService: the methods, each bound to its command or query.
//
// Invariants:
// 1. Nothing is decided here: commands go to the engine, whose outcome is the reply.
// 2. A page that was kept is answered on the connection's queue, as it was encoded.
//
// Owner: connections' queues, lanes and the engine's writer, each for its part of a call.

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
      } reply: { outcome throws(Refusal) in
        let changed = try changed(outcome)
        var response = TallystickV1.PatchPageResponse()
        response.change = changed.change
        response.rebased = changed.rebased
        return response
      },
    ]
  }

  private var states: [Binding] {
    let requests = PageRequests(maximumReplyByteCount: services.maximumReplyByteCount)
    return [
      change(RPCs.publish) { request, caller throws(Refusal) in try requests.publish(request, caller) },
      change(RPCs.unpublish) { request, caller throws(Refusal) in
        Prepared(command: .page(.unpublish(try requests.target(request.pageId, caller))))
      },
      change(RPCs.deletePage) { request, caller throws(Refusal) in
        Prepared(command: .page(.delete(try requests.target(request.pageId, caller))))
      },
      change(RPCs.undeletePage) { request, caller throws(Refusal) in
        Prepared(command: .page(.undelete(try requests.target(request.pageId, caller))))
      },
      services.unkeyedMutation(RPCs.purgePage, role: .service) { request, caller throws(Refusal) in
        Prepared(command: .page(.purge(try requests.target(request.pageId, caller))))
      } reply: { outcome throws(Refusal) in
        guard case .purged(let versions, let commit) = try pageOutcome(outcome) else { throw mistaken }
        var response = TallystickV1.PurgePageResponse()
        response.versions = versions
        response.commitSequence = commit.sequence
        response.commitPosition = commit.position
        return response
      },
    ]
  }

  private var media: [Binding] {
    [
      services.unkeyedMutation(RPCs.createMedia, role: .service) { request, _ throws(Refusal) in
        try PageRequests.createMedia(request)
      } reply: { outcome throws(Refusal) in
        guard case .mediaStored(let media, let replayed, let commit) = try pageOutcome(outcome) else {
          throw mistaken
        }
        var response = TallystickV1.CreateMediaResponse()
        response.media = TallystickV1.Media(media)
        response.replayed = replayed
        response.commitSequence = commit.sequence
        response.commitPosition = commit.position
        return response
      },
      services.unkeyedMutation(RPCs.deleteMedia, role: .service) { request, caller throws(Refusal) in
        try PageRequests.deleteMedia(request, caller)
      } reply: { outcome throws(Refusal) in
        guard case .mediaDeleted(let pageIds, let replayed, let commit) = try pageOutcome(outcome) else {
          throw mistaken
        }
        var response = TallystickV1.DeleteMediaResponse()
        response.detachedPageIds = pageIds
        response.replayed = replayed
        response.commitSequence = commit.sequence
        response.commitPosition = commit.position
        return response
      },
    ]
  }

  private var reads: [Binding] {
    let pages = services.engine
    let queries = PageQueries(services)
    return [
      services.encodedQuery(
        RPCs.getPage,
        fields: { request throws(Refusal) in try PageRequests.pageId(request.pageId) },
        quick: { request, caller in queries.kept(request, caller) },
        answer: { request, caller throws(Refusal) in try queries.page(request, caller) }),
      services.query(
        RPCs.getVersion,
        fields: { request throws(Refusal) in
          try PageRequests.pageId(request.pageId)
          try PageRequests.version(request.version, "version", from: 1)
        },
        answer: { request, caller throws(Refusal) in
          let snapshot = try pages.version(
            pageId: request.pageId, version: request.version, actingUserId: caller.actingUserId)
          var response = TallystickV1.GetVersionResponse()
          response.page = TallystickV1.Page(snapshot.value)
          response.commitSequence = snapshot.commitSequence
          return response
        }),
      services.query(
        RPCs.getMedia,
        fields: { request throws(Refusal) in try PageRequests.mediaId(request.mediaId) },
        answer: { request, caller throws(Refusal) in
          let snapshot = try pages.media(mediaId: request.mediaId, actingUserId: caller.actingUserId)
          var response = TallystickV1.GetMediaResponse()
          response.media = TallystickV1.Media(snapshot.value)
          response.commitSequence = snapshot.commitSequence
          return response
        }),
    ]
  }

  private var lists: [Binding] {
    let queries = PageQueries(services)
    return [
      services.query(
        RPCs.listPages,
        fields: { request throws(Refusal) in _ = try queries.filter(request) },
        userIds: { [$0.userId] },
        answer: { request, _ throws(Refusal) in try queries.list(request) }),
      services.query(
        RPCs.listVersions,
        fields: { request throws(Refusal) in _ = try queries.filter(request, nil) },
        answer: { request, caller throws(Refusal) in try queries.list(request, caller) }),
      services.query(
        RPCs.listMedia,
        fields: { request throws(Refusal) in _ = try queries.filter(request) },
        userIds: { [$0.userId] },
        answer: { request, _ throws(Refusal) in try queries.list(request) }),
    ]
  }

  /// A mutation whose reply is the page as it is then.
  private func change<Request: Message, Response: PageChangeResponse>(
    _ rpc: RPC<Request, Response>,
    prepare: @escaping @Sendable (Request, Caller) throws(Refusal) -> Prepared
  ) -> Binding {
    services.unkeyedMutation(rpc, role: .service, prepare: prepare) { outcome throws(Refusal) in
      var response = Response()
      response.change = try changed(outcome).change
      return response
    }
  }
}

private let mistaken = Refusal(.corrupt, "the engine gave an unexpected outcome for a page command")

private func pageOutcome(_ outcome: Outcome) throws(Refusal) -> PageOutcome {
  switch outcome {
  case .page(let outcome): return outcome
  case .refused(let refusal): throw refusal
  case .applied, .planStored, .usage, .admin: throw mistaken
  }
}

private func changed(
  _ outcome: Outcome
) throws(Refusal) -> (change: TallystickV1.PageChange, rebased: Bool) {
  guard case .changed(let view, let replayed, let rebased, let commit) = try pageOutcome(outcome) else {
    throw mistaken
  }
  var change = TallystickV1.PageChange()
  change.page = TallystickV1.Page(view)
  change.replayed = replayed
  change.commitSequence = commit.sequence
  change.commitPosition = commit.position
  return (change, rebased)
}
