// tallystick.v1.UsageService: events and alert rules.
//
// Invariants:
// 1. A rule's fields are checked before the command is made; the engine decides whether it changes anything.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

extension UsageService {
  var events: [Binding] {
    let engine = services.engine
    return [
      services.unkeyedMutation(RPCs.putAlertRule, role: .admin) { request, _ throws(Refusal) in
        Prepared(command: AlertCommand.PutRule(try EventRequests.rule(request.rule)))
      } reply: { receipt in
        var response = TallystickV1.PutAlertRuleResponse()
        response.rule = receipt.rule.map(TallystickV1.AlertRule.init)
        response.unchanged = receipt.unchanged
        response.commitSequence = receipt.commit.sequence
        response.commitPosition = receipt.commit.position
        return response
      },
      services.unkeyedMutation(RPCs.deleteAlertRule, role: .admin) { request, _ throws(Refusal) in
        Prepared(command: AlertCommand.DeleteRule(id: try EventRequests.ruleId(request.ruleId, "rule_id")))
      } reply: { receipt in
        var response = TallystickV1.DeleteAlertRuleResponse()
        response.unchanged = receipt.unchanged
        response.commitSequence = receipt.commit.sequence
        response.commitPosition = receipt.commit.position
        return response
      },
      services.query(
        RPCs.listAlertRules, role: .admin,
        parse: { request, _ throws(Refusal) in try EventRequests.parse(request) },
        read: { query throws(Refusal) in try EventRequests.rules(query, engine) }),
      services.query(
        RPCs.listEvents,
        parse: { request, _ throws(Refusal) in try EventRequests.parse(request) },
        userIds: { [$0.userId] },
        read: { query throws(Refusal) in try EventRequests.events(query, engine) }),
      WatchStream.eventBinding(services),
    ]
  }
}
