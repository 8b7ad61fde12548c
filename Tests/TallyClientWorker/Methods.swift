// The methods of the client, by name: each is called with the types of its messages, as a program calls it.

import TallyClient
import TallyMessages

/// A stream whose types are known to who opened it.
struct OpenStream: Sendable {
  var send: @Sendable ([UInt8]) async throws -> Void = { _ in throw Nonsense(text: "it takes no messages") }
  var finish: @Sendable () -> Void = {}
  var next: @Sendable () async throws -> [UInt8]?
  var cancel: @Sendable () -> Void
}

/// The rows of a watch, one after the other; it is left when nobody has it any more.
actor WatchedRows {
  private var rows: TransactionWatch.Iterator

  /// Waits until it has begun.
  init(
    _ client: TallyClient, _ request: TallystickV1.WatchTransactionsRequest, _ options: CallOptions
  ) async throws {
    var rows = client.watchTransactions(
      from: request.fromSequence, users: request.userIds, options: options, resumption: options.retry
    ).makeAsyncIterator()
    try await rows.begin()
    self.rows = rows
  }

  func next() async throws -> [UInt8]? {
    var rows = rows
    let row = try await rows.next(isolation: self)
    self.rows = rows
    return row?.encode()
  }
}

/// Made once; each method is found by `Service/Method` with the service's full name.
struct Methods {
  typealias Unary = @Sendable (TallyClient, [UInt8], CallOptions) async throws -> [UInt8]
  typealias Requests = @Sendable (TallyClient, [[UInt8]], CallOptions) async throws -> [UInt8]
  typealias Stream = @Sendable (TallyClient, [UInt8], CallOptions) async throws -> OpenStream

  private static let all: Methods = {
    var methods = Methods()
    methods.addCredits()
    methods.addUsage()
    methods.addPages()
    methods.addAdmin()
    methods.addTesting()
    return methods
  }()

  private var unaries: [String: Unary] = [:]
  private var requests: [String: Requests] = [:]
  private var streams: [String: Stream] = [:]

  static func unary(_ name: String) throws -> Unary { try known(all.unaries[name], name) }
  static func requests(_ name: String) throws -> Requests { try known(all.requests[name], name) }
  static func stream(_ name: String) throws -> Stream { try known(all.streams[name], name) }

  private static func known<Method>(_ method: Method?, _ name: String) throws -> Method {
    guard let method else { throw Nonsense(text: "the client has no such method of this kind: \(name)") }
    return method
  }

  private mutating func add<Request: Message, Response: Message>(_ rpc: RPC<Request, Response>) {
    let name = "\(rpc.service)/\(rpc.method)"
    switch rpc.kind {
    case .unary:
      unaries[name] = { client, payload, options in
        guard let request = try? Request.decode(payload) else {
          // A program could set what the decoder refuses, a text with a NUL for one.
          return try await client.call(
            service: rpc.service, method: rpc.method, payload: payload, options: options)
        }
        return try await client.call(rpc, request, options: options).encode()
      }
    case .clientStream:
      requests[name] = { client, payloads, options in
        let requests = try payloads.map { try Request.decode($0) }
        return try await client.call(rpc, sending: requests, options: options).encode()
      }
    case .serverStream:
      streams[name] = { client, payload, options in
        let responses = try await client.stream(rpc, try Request.decode(payload), options: options)
        return OpenStream(next: Self.next(of: responses), cancel: { responses.cancel() })
      }
    case .bidirectional:
      streams[name] = { client, _, options in
        let duplex = try await client.duplex(rpc, options: options)
        return OpenStream(
          send: { try await duplex.send(try Request.decode($0)) }, finish: { duplex.finish() },
          next: Self.next(of: duplex.responses), cancel: { duplex.cancel() })
      }
    }
  }

  private static func next<Response: Message>(
    of responses: Responses<Response>
  ) -> @Sendable () async throws -> [UInt8]? {
    {
      var iterator = responses.makeAsyncIterator()
      return try await iterator.next()?.encode()
    }
  }

  private mutating func addCredits() {
    add(TallystickV1.CreditService.getBalance)
    add(TallystickV1.CreditService.batchGetBalances)
    add(TallystickV1.CreditService.checkBalance)
    add(TallystickV1.CreditService.consume)
    add(TallystickV1.CreditService.batchConsume)
    add(TallystickV1.CreditService.addPurchase)
    add(TallystickV1.CreditService.refund)
    add(TallystickV1.CreditService.reversePurchase)
    add(TallystickV1.CreditService.reinstatePurchase)
    add(TallystickV1.CreditService.voidGrant)
    add(TallystickV1.CreditService.forgiveOwed)
    add(TallystickV1.CreditService.grantPlan)
    add(TallystickV1.CreditService.batchGrantPlan)
    add(TallystickV1.CreditService.grantPromo)
    add(TallystickV1.CreditService.adjust)
    add(TallystickV1.CreditService.reserve)
    add(TallystickV1.CreditService.extend)
    add(TallystickV1.CreditService.capture)
    add(TallystickV1.CreditService.release)
    add(TallystickV1.CreditService.listHolds)
    add(TallystickV1.CreditService.listTransactions)
    add(TallystickV1.CreditService.getTransaction)
    add(TallystickV1.CreditService.watchTransactions)
  }

  private mutating func addUsage() {
    add(TallystickV1.UsageService.beginRun)
    add(TallystickV1.UsageService.finishRun)
    add(TallystickV1.UsageService.recordRun)
    add(TallystickV1.UsageService.recordRuns)
    add(TallystickV1.UsageService.streamRuns)
    add(TallystickV1.UsageService.getRun)
    add(TallystickV1.UsageService.listRuns)
    add(TallystickV1.UsageService.getUsage)
    add(TallystickV1.UsageService.batchGetUsage)
    add(TallystickV1.UsageService.getStats)
    add(TallystickV1.UsageService.checkQuota)
    add(TallystickV1.UsageService.putPlan)
    add(TallystickV1.UsageService.listPlans)
    add(TallystickV1.UsageService.putPrices)
    add(TallystickV1.UsageService.listPrices)
    add(TallystickV1.UsageService.putCaps)
    add(TallystickV1.UsageService.listCaps)
    add(TallystickV1.UsageService.putAlertRule)
    add(TallystickV1.UsageService.deleteAlertRule)
    add(TallystickV1.UsageService.listAlertRules)
    add(TallystickV1.UsageService.listEvents)
    add(TallystickV1.UsageService.watchEvents)
    add(TallystickV1.UsageService.putTopUp)
    add(TallystickV1.UsageService.getTopUp)
    add(TallystickV1.UsageService.takeTopUpIntent)
    add(TallystickV1.UsageService.failTopUpIntent)
    add(TallystickV1.UsageService.cancelTopUpIntent)
    add(TallystickV1.UsageService.listTopUpIntents)
  }

  private mutating func addPages() {
    add(TallystickV1.PageService.watchPages)
    add(TallystickV1.PageService.createPage)
    add(TallystickV1.PageService.getPage)
    add(TallystickV1.PageService.listPages)
    add(TallystickV1.PageService.deletePage)
    add(TallystickV1.PageService.undeletePage)
    add(TallystickV1.PageService.purgePage)
    add(TallystickV1.PageService.duplicatePage)
    add(TallystickV1.PageService.savePage)
    add(TallystickV1.PageService.patchPage)
    add(TallystickV1.PageService.listVersions)
    add(TallystickV1.PageService.getVersion)
    add(TallystickV1.PageService.restoreVersion)
    add(TallystickV1.PageService.publish)
    add(TallystickV1.PageService.unpublish)
    add(TallystickV1.PageService.schedulePublish)
    add(TallystickV1.PageService.cancelScheduledPublish)
    add(TallystickV1.PageService.setPageSlug)
    add(TallystickV1.PageService.diffVersions)
    add(TallystickV1.PageService.searchPages)
    add(TallystickV1.PageService.getPageBySlug)
    add(TallystickV1.PageService.createMedia)
    add(TallystickV1.PageService.getMedia)
    add(TallystickV1.PageService.listMedia)
    add(TallystickV1.PageService.deleteMedia)
  }

  private mutating func addAdmin() {
    add(TallystickV1.AdminService.getServerInfo)
    add(TallystickV1.AdminService.listUsers)
    add(TallystickV1.AdminService.getUserSettings)
    add(TallystickV1.AdminService.putUserSettings)
    add(TallystickV1.AdminService.getMetrics)
    add(TallystickV1.AdminService.getQueryStats)
    add(TallystickV1.AdminService.getCacheStats)
    add(TallystickV1.AdminService.setRateLimit)
    add(TallystickV1.AdminService.listRateLimits)
    add(TallystickV1.AdminService.verify)
    add(TallystickV1.Control.cancel)
  }

  private mutating func addTesting() {
    add(TallystickTestingV1.TestControl.getClock)
    add(TallystickTestingV1.TestControl.setClock)
    add(TallystickTestingV1.TestControl.advanceClock)
    add(TallystickTestingV1.TestControl.reset)
    add(TallystickTestingV1.TestControl.loadFixtures)
    add(TallystickTestingV1.TestControl.saveSnapshot)
    add(TallystickTestingV1.TestControl.restoreSnapshot)
    add(TallystickTestingV1.TestControl.injectFailure)
    add(TallystickTestingV1.TestControl.listFailures)
    add(TallystickTestingV1.TestControl.clearFailures)
    add(TallystickTestingV1.Conformance.echo)
    add(TallystickTestingV1.Conformance.fail)
    add(TallystickTestingV1.Conformance.sleep)
    add(TallystickTestingV1.Conformance.sum)
    add(TallystickTestingV1.Conformance.count)
    add(TallystickTestingV1.Conformance.chat)
    add(TallystickTestingV1.Conformance.inspect)
  }
}
