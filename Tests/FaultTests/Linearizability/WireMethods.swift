// The methods of a recorded history, by name: what each asks the model, and what it told.
//
// Invariants:
// 1. Every method that the load calls is here.

import TallyCore
import TallyLoad
import TallyMessages

@testable import TallyModel
@testable import TallyServer

struct WireMethod: Sendable {
  var isMutation: Bool
  var read: @Sendable (CallRecord, inout HistoryReader) throws -> Void
}

extension HistoryReader {
  private typealias Credits = TallystickV1.CreditService
  private typealias Usages = TallystickV1.UsageService
  private typealias Pages = TallystickV1.PageService

  static let methods: [String: WireMethod] = Dictionary(
    uniqueKeysWithValues: credits + backs + usages + pages + admin + reads)

  typealias Named = (String, WireMethod)

  /// A mutation of one command.
  static func mutation<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, _ command: @escaping @Sendable (Request, Digest) throws -> Command,
    _ take: @escaping @Sendable (Response, CallRecord, Command, inout HistoryReader) throws -> Void
  ) -> Named {
    let name = "\(rpc.service)/\(rpc.method)"
    let method = WireMethod(isMutation: true) { record, reader in
      let request = try Request.decode(record.request)
      let command = try command(request, RequestDigest.make(method: name, request))
      switch record.answer {
      case .reply(let bytes): try take(try Response.decode(bytes), record, command, &reader)
      case .refused("QUEUE_FULL", _), .unknown: break
      case .refused(let reason, let details): reader.addRefusal(record, command, reason, details)
      }
    }
    return (name, method)
  }

  static func query<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>,
    _ take: @escaping @Sendable (Request, Response, CallRecord, inout HistoryReader) -> Void
  ) -> Named {
    let method = WireMethod(isMutation: false) { record, reader in
      // A refusal does not say what commit it saw.
      guard case .reply(let bytes) = record.answer else { return }
      take(try Request.decode(record.request), try Response.decode(bytes), record, &reader)
    }
    return ("\(rpc.service)/\(rpc.method)", method)
  }

  // MARK: credit

  private static func money<Request: Message, Response: MoneyResponse>(
    _ rpc: RPC<Request, Response>, _ command: @escaping @Sendable (Request, Digest) throws -> Command
  ) -> Named {
    mutation(rpc, command) { $3.add($0, $1, $2) }
  }

  private mutating func add(_ reply: some MoneyResponse, _ record: CallRecord, _ command: Command) {
    let told = reply.transaction ?? .init()
    if reply.replayed { return addReplay(record, command, told, reply.balance) }
    let hold = (reply as? any HoldResponse)?.hold
    let balance = reply.balance
    add(
      record, "\(told.type)", command,
      place: CommitPoint(sequence: reply.commitSequence, position: reply.commitPosition),
      userId: told.userId, told: (told, balance, hold)
    ) { expected in
      guard case .outcome(.applied(let receipt)) = expected, !receipt.replayed else {
        return "applied, expected \(Brief.text(expected))"
      }
      return difference("row", told.placeless, TallystickV1.Transaction(receipt.transaction))
        ?? difference("balance", balance, TallystickV1.Balance(receipt.balance))
        ?? hold.flatMap { difference("hold", $0, receipt.hold.map(TallystickV1.Hold.init)) }
    }
  }

  private static var credits: [Named] {
    [
      money(Credits.consume) { .consume(try CreditRequests.consume($0, $1).command) },
      money(Credits.addPurchase) { .addPurchase(try CreditRequests.addPurchase($0, $1).command) },
      money(Credits.grantPlan) { .grantPlan(try CreditRequests.grantPlan($0, $1).command) },
      money(Credits.grantPromo) { .grantPromo(try CreditRequests.grantPromo($0, $1).command) },
      money(Credits.adjust) { .adjust(try CreditRequests.adjust($0, $1).command) },
      money(Credits.reserve) { .reserve(try CreditRequests.reserve($0, $1).command) },
      money(Credits.extend) { .extend(try CreditRequests.extend($0, $1, actingUserId: nil).command) },
      money(Credits.capture) { .capture(try CreditRequests.capture($0, $1, actingUserId: nil).command) },
      money(Credits.release) { .release(try CreditRequests.release($0, $1, actingUserId: nil).command) },
      ("\(Credits.batchConsume.name)", WireMethod(isMutation: true, read: { try $1.addBatch($0) })),
    ]
  }

  private static var backs: [Named] {
    [
      money(Credits.refund) { .refund(try CreditRequests.refund($0, $1, actingUserId: nil).command) },
      money(Credits.reversePurchase) {
        .reversePurchase(try CreditRequests.reversePurchase($0, $1, actingUserId: nil).command)
      },
      money(Credits.reinstatePurchase) {
        .reinstatePurchase(try CreditRequests.reinstatePurchase($0, $1, actingUserId: nil).command)
      },
      money(Credits.voidGrant) {
        .voidGrant(try CreditRequests.voidGrant($0, $1, actingUserId: nil).command)
      },
      money(Credits.forgiveOwed) { .forgiveOwed(try CreditRequests.forgiveOwed($0, $1).command) },
    ]
  }

  private mutating func addBatch(_ record: CallRecord) throws {
    let request = try TallystickV1.BatchConsumeRequest.decode(record.request)
    guard case .reply(let bytes) = record.answer else { return }
    let reply = try TallystickV1.BatchConsumeResponse.decode(bytes)
    for (item, result) in zip(request.items, reply.results) {
      let digest = RequestDigest.make(method: Credits.consume.name, item)
      let command = Command.consume(try CreditRequests.consume(item, digest).command)
      switch result.result {
      case .applied(let applied): add(applied, record, command)
      case .error(let error):
        addRefusal(record, command, error.info?.reason ?? "", error.info?.metadata ?? [:])
      case nil: throw Failure(description: "an empty result")
      }
    }
  }

  // MARK: runs and plans

  private mutating func add(
    _ told: TallystickV1.Run?, _ row: TallystickV1.Transaction?, _ balance: TallystickV1.Balance?,
    replayed: Bool, _ place: CommitPoint, _ record: CallRecord, _ command: Command
  ) {
    if replayed { return addReplay(record, command, row, balance) }
    add(
      record, "\(told?.status ?? .unspecified) run", command, place: place, userId: told?.userId ?? "",
      told: (told, row)
    ) { expected in
      guard case .outcome(.usage(.run(let receipt))) = expected, !receipt.replayed else {
        return "carried out, expected \(Brief.text(expected))"
      }
      return told.flatMap { difference("run", $0, TallystickV1.Run(receipt.run)) }
        ?? difference("row", row?.placeless, receipt.transaction.map(TallystickV1.Transaction.init))
        ?? difference("balance", balance, receipt.balance.map(TallystickV1.Balance.init))
    }
  }

  /// What a Put has stored, unless the same was there already.
  mutating func addStored<Told: Equatable & Sendable>(
    _ name: String, _ told: Told, unchanged: Bool, _ sequence: Int64, _ position: Int32,
    _ record: CallRecord, _ command: Command, stored: @escaping @Sendable (TallyModel.Outcome) -> Told?
  ) {
    if unchanged { return addReplay(record, command) }
    let place = CommitPoint(sequence: sequence, position: position)
    add(record, name, command, place: place, told: told) { expected in
      guard case .outcome(let outcome) = expected, let due = stored(outcome) else {
        return "stored, expected \(Brief.text(expected))"
      }
      return difference(name, told, due)
    }
  }

  private static func run<Request: Message, Response: SettledRunResponse>(
    _ rpc: RPC<Request, Response>,
    _ command: @escaping @Sendable (Request, Digest) throws -> TallyModel.UsageCommand
  ) -> Named {
    mutation(rpc) {
      .usage(try command($0, $1))
    } _: { reply, record, command, reader in
      reader.add(
        reply.run, reply.transaction, reply.balance, replayed: reply.replayed,
        CommitPoint(sequence: reply.commitSequence, position: reply.commitPosition), record, command)
    }
  }

  private static var usages: [Named] {
    [
      run(Usages.beginRun) { .begin(try RunRequests.begin($0, $1).command) },
      run(Usages.finishRun) { .finish(try RunRequests.finish($0, $1, actingUserId: nil).command) },
      ("\(Usages.recordRuns.name)", WireMethod(isMutation: true, read: { try $1.addRuns($0) })),
      mutation(Usages.putPlan) { request, _ in
        let put = try PlanRequests.put(request.plan, ZoneStore())
        return .putPlan(put.plan, keeping: put.kept)
      } _: { reply, record, command, reader in
        reader.addStored(
          "plan", reply.plan, unchanged: reply.unchanged, reply.commitSequence, reply.commitPosition, record,
          command
        ) { outcome in
          guard case .planStored(let plan, unchanged: false, _) = outcome else { return nil }
          return TallystickV1.Plan(plan)
        }
      },
      mutation(Usages.putPrices) { request, _ in
        .putPrices(try PriceRequests.put(request))
      } _: { reply, record, command, reader in
        reader.addStored(
          "prices", reply.prices, unchanged: reply.unchanged, reply.commitSequence, reply.commitPosition,
          record, command
        ) { outcome in
          guard case .pricesStored(let it) = outcome, !it.unchanged else { return nil }
          return it.prices.map(TallystickV1.Price.init)
        }
      },
    ]
  }

  private mutating func addRuns(_ record: CallRecord) throws {
    let request = try TallystickV1.RecordRunsRequest.decode(record.request)
    guard case .reply(let bytes) = record.answer else { return }
    let reply = try TallystickV1.RecordRunsResponse.decode(bytes)
    for (item, result) in zip(request.runs, reply.results) {
      let command = Command.usage(.record(try RunRequests.record(item).command))
      if let error = result.error {
        addRefusal(record, command, error.info?.reason ?? "", error.info?.metadata ?? [:])
        continue
      }
      add(
        nil, nil, nil, replayed: result.replayed,
        CommitPoint(sequence: reply.commitSequence, position: result.commitPosition), record, command)
    }
  }
}

/// - Returns: nil when both are the same.
func difference<Told: Equatable>(_ what: String, _ told: Told, _ expected: Told) -> String? {
  told == expected ? nil : "\(what) \(Brief.text(told)), expected \(Brief.text(expected))"
}

/// The response of a method that begins or ends a run.
private protocol SettledRunResponse: RunResponse {
  var transaction: TallystickV1.Transaction? { get }
  var balance: TallystickV1.Balance? { get }
}

extension TallystickV1.BeginRunResponse: SettledRunResponse {}
extension TallystickV1.FinishRunResponse: SettledRunResponse {}

extension TallystickV1.Transaction {
  /// As the model has it, which numbers no commits.
  var placeless: Self {
    var row = self
    (row.commitSequence, row.commitPosition) = (0, 0)
    return row
  }
}
