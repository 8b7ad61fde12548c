// How to call each method of the product's services validly: what the matrices of acting users, of roles and
// of rate limits are made from.
//
// Invariants:
// 1. Every method of the four services has a row; a test fails for a method without one, and for a row
//    without a method.
//
// Owner: the tests.

import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

struct MethodRow: Sendable {
  enum Scope: Equatable, Sendable {
    /// Its request names a user.
    case user
    /// Its request names a user's object by its id; the reason when there is none.
    case object(missing: String)
    /// It concerns no user's rows.
    case nobody
    /// It concerns all users' rows: no acting user may.
    case everybody
    /// It sees to all users: an acting user must be an admin.
    case administration
  }

  var service: String
  var method: String
  /// Of the peer.
  var role: Role
  var scope: Scope
  /// A request about a user's row, or about what is not there when the user is nil.
  var request: @Sendable (MethodRig, String?) async throws -> [UInt8]

  var name: String { "\(service)/\(method)" }
  var isEndless: Bool { method.hasPrefix("Watch") }
  /// A stream counts against its peer only.
  var isStream: Bool { isEndless || method == "StreamRuns" }

  init<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, _ role: Role, _ scope: Scope,
    _ fill: @escaping @Sendable (inout Request, MethodRig, String?) async throws -> Void
  ) {
    service = rpc.service
    method = rpc.method
    self.role = role
    self.scope = scope
    request = { rig, owner in
      var request = Request()
      try await fill(&request, rig, owner)
      return request.encode()
    }
  }

  static let all: [MethodRow] =
    CreditRows.all + UsageRows.all + PageRows.all + AdminRows.all
}

/// Makes users' objects for requests to name.
final class MethodRig {
  static let planId = "pro"
  static let users = ["u1", "u2", "boss"]

  let live: LiveServer
  /// What requests have as idempotency key; nil for a new one each.
  var key: String?
  private var count = 0

  init(_ live: LiveServer) { self.live = live }

  /// A text that nothing has been named by.
  func fresh(_ prefix: String = "x") -> String {
    if prefix == "key", let key { return key }
    count += 1
    return "\(prefix)-\(count)"
  }

  /// Users with credit, one of whom is an admin.
  func prepare() async throws {
    try await live.putPlan(Self.planId)
    for user in Self.users {
      try await live.purchase(user, 1_000_000_000, payment: "payment-\(user)", key: "purchase")
    }
    _ = try await live.putSettings("boss") { $0.role = .admin }
  }

  /// The id of a hold that was just made; one that nobody has when `owner` is nil.
  func hold(_ owner: String?) async throws -> String {
    guard let owner else { return Identifiers.hold(Int64.max) }
    let key = fresh("hold")
    let response = try await live.call(Credits.reserve) {
      $0.userId = owner
      $0.amountMicros = 10
      $0.idempotencyKey = key
    }
    return try #require(response.hold).holdId
  }

  /// The id of a payment that was just added; one that nobody has when `owner` is nil.
  func payment(_ owner: String?) async throws -> String {
    let paymentId = fresh("payment")
    if let owner { try await live.purchase(owner, 1, payment: paymentId, key: fresh("purchase")) }
    return paymentId
  }

  /// Lets a user owe a little, for a purchase that was spent and reversed.
  func owe(_ userId: String) async throws {
    let paymentId = try await payment(userId)
    let available = try await live.available(userId)
    try await live.consume(userId, available, key: fresh("all"))
    // What is there before something is owed does not pay it.
    try await live.purchase(userId, 1_000_000, payment: fresh("payment"), key: fresh("purchase"))
    let (event, key) = (fresh("event"), fresh("reversal"))
    _ = try await live.call(Credits.reversePurchase) {
      $0.paymentId = paymentId
      $0.eventId = event
      $0.onShortfall = .owe
      $0.idempotencyKey = key
    }
  }

  func page(_ owner: String?) async throws -> String {
    let pageId = fresh("page")
    guard let owner else { return pageId }
    _ = try await live.call(Pages.createPage) {
      $0.userId = owner
      $0.pageId = pageId
      $0.title = "title"
    }
    return pageId
  }

  /// The slug of a page that was just made; one that nobody has when `owner` is nil.
  func slug(_ owner: String?) async throws -> String {
    let pageId = try await page(owner)
    let slug = fresh("slug")
    if owner != nil {
      _ = try await live.call(Pages.setPageSlug) {
        $0.pageId = pageId
        $0.slug = slug
      }
    }
    return slug
  }

  func deletedPage(_ owner: String?) async throws -> String {
    let pageId = try await page(owner)
    if owner != nil { _ = try await live.call(Pages.deletePage) { $0.pageId = pageId } }
    return pageId
  }

  func media(_ owner: String?) async throws -> String {
    let mediaId = fresh("media")
    guard let owner else { return mediaId }
    _ = try await live.call(Pages.createMedia) {
      $0.userId = owner
      $0.mediaId = mediaId
      $0.url = "https://example.org/\(mediaId)"
      $0.source = .generated
    }
    return mediaId
  }

  func run(_ owner: String?) async throws -> String {
    let runId = fresh("run")
    guard let owner else { return runId }
    _ = try await live.call(TallystickV1.UsageService.beginRun) {
      $0.userId = owner
      $0.runId = runId
      $0.model = "m"
      $0.type = "text"
    }
    return runId
  }

  func topUp(_ userId: String, below micros: Int64, isEnabled: Bool = true) -> TallystickV1.TopUp {
    var topUp = TallystickV1.TopUp()
    topUp.userId = userId
    (topUp.thresholdMicros, topUp.targetMicros, topUp.enabled) = (micros, micros, isEnabled)
    return topUp
  }

  /// One that is leased, and to whom; nobody's is not there.
  func intent(_ owner: String?) async throws -> (id: String, worker: String) {
    guard let owner else { return ("intent-999999", "worker") }
    for isEnabled in [false, true] {
      _ = try await live.call(TallystickV1.UsageService.putTopUp) {
        $0.topUp = topUp(owner, below: 1_000_000_000_000, isEnabled: isEnabled)
      }
    }
    while true {
      let worker = fresh("worker")
      let intent = try await live.call(TallystickV1.UsageService.takeTopUpIntent) { $0.worker = worker }
        .intent
      guard let intent else { throw NoFailure() }
      if intent.userId == owner { return (intent.intentId, worker) }
    }
  }

  /// - Returns: the reason that the call is refused with; nil when it is carried out.
  func reason(_ row: MethodRow, _ payload: [UInt8], actingUser: String? = nil) async throws -> String? {
    let kind = EmbeddedDescriptors.services.first { $0.name == row.service }?.methods
      .first { $0.name == row.method }?.kind
    let metadata = actingUser.map { [MetadataPair(key: "tally-acting-user", value: $0)] } ?? []
    do {
      switch kind {
      case .unary:
        _ = try await live.connection.unary(row.service, row.method, payload, metadata: metadata)
      case .serverStream:
        let stream = try live.connection.stream(
          .serverStream, row.service, row.method, payload, metadata: metadata)
        // One that goes on for ever has begun with its first message.
        while try await stream.next() != nil, !row.isEndless {}
      case .clientStream:
        let stream = try live.connection.stream(.clientStream, row.service, row.method, metadata: metadata)
        // What ends the stream early is told by its answer.
        do { try await stream.send(payload) } catch { #expect(error.status.code != .ok) }
        stream.finish()
        while try await stream.next() != nil {}
      case .bidirectional, nil: Issue.record("\(row.name) cannot be called")
      }
      return nil
    } catch {
      return Failed(error.status).reason ?? "\(error.status.code): \(error.status.message)"
    }
  }
}
