// tallystick.v1.UsageService: caps by window.
//
// Invariants:
// 1. A cap's fields are checked before the command is made; the engine decides whether it changes anything.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

extension UsageService {
  var caps: [Binding] {
    let engine = services.engine
    return [
      services.unkeyedMutation(RPCs.putCaps, role: .admin) { request, _ throws(Refusal) in
        Prepared(command: try CapRequests.put(request), userId: request.userId)
      } reply: { receipt in
        var response = TallystickV1.PutCapsResponse()
        response.caps = TallystickV1.SubjectCaps(receipt.list)
        response.unchanged = receipt.unchanged
        response.commitSequence = receipt.commit.sequence
        response.commitPosition = receipt.commit.position
        return response
      },
      services.query(
        RPCs.listCaps, role: .admin,
        parse: { request, _ throws(Refusal) in try CapRequests.parse(request) },
        userIds: { [$0.userId] },
        read: { query throws(Refusal) in try CapRequests.lists(query, engine) }),
    ]
  }
}
