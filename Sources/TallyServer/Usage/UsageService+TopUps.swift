// tallystick.v1.UsageService: top-ups.
//
// Invariants:
// 1. A worker takes intents of all users, so that a call which acts for one may not.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

/// The reply of a method that changes an intent.
private protocol IntentResponse: Message {
  var intent: TallystickV1.TopUpIntent? { get set }
  var unchanged: Bool { get set }
  var commitSequence: Int64 { get set }
  var commitPosition: Int32 { get set }
}

extension TallystickV1.TakeTopUpIntentResponse: IntentResponse {}
extension TallystickV1.FailTopUpIntentResponse: IntentResponse {}
extension TallystickV1.CancelTopUpIntentResponse: IntentResponse {}

extension IntentResponse {
  fileprivate init(_ receipt: TopUpIntentReceipt) {
    self.init()
    intent = receipt.intent.map(TallystickV1.TopUpIntent.init)
    unchanged = receipt.unchanged
    commitSequence = receipt.commit.sequence
    commitPosition = receipt.commit.position
  }
}

extension UsageService {
  var topUps: [Binding] {
    let engine = services.engine
    return intents + [
      services.unkeyedMutation(RPCs.putTopUp, role: .admin) { request, _ throws(Refusal) in
        Prepared(command: try TopUpRequests.put(request.topUp))
      } reply: { receipt in
        var response = TallystickV1.PutTopUpResponse()
        response.topUp = TallystickV1.TopUp(receipt.topUp)
        response.unchanged = receipt.unchanged
        response.commitSequence = receipt.commit.sequence
        response.commitPosition = receipt.commit.position
        return response
      },
      services.query(
        RPCs.getTopUp,
        parse: { request, _ throws(Refusal) in try Fields.userId(request.userId) },
        userIds: { [$0.userId] },
        read: { userId throws(Refusal) in
          let snapshot = try engine.topUp(userId: userId)
          var response = TallystickV1.GetTopUpResponse()
          response.topUp = snapshot.value.map(TallystickV1.TopUp.init)
          response.commitSequence = snapshot.commitSequence
          return response
        }),
      services.query(
        RPCs.listTopUpIntents,
        parse: { request, _ throws(Refusal) in try TopUpRequests.parse(request) },
        userIds: { [$0.userId] },
        read: { query throws(Refusal) in try TopUpRequests.intents(query, engine) }),
    ]
  }

  private var intents: [Binding] {
    [
      services.unkeyedMutation(RPCs.takeTopUpIntent, role: .service) { request, _ throws(Refusal) in
        Prepared(command: try TopUpRequests.take(request), userId: "")
      } reply: {
        TallystickV1.TakeTopUpIntentResponse($0)
      },
      services.unkeyedMutation(RPCs.failTopUpIntent, role: .service) { request, caller throws(Refusal) in
        Prepared(command: try TopUpRequests.fail(request, caller))
      } reply: {
        TallystickV1.FailTopUpIntentResponse($0)
      },
      services.unkeyedMutation(RPCs.cancelTopUpIntent, role: .admin) { request, _ throws(Refusal) in
        Prepared(
          command: TopUpCommand.Cancel(intentId: try TopUpRequests.requiredIntent(request.intentId)))
      } reply: {
        TallystickV1.CancelTopUpIntentResponse($0)
      },
    ]
  }
}
