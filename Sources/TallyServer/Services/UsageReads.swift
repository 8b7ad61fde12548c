// tallystick.v1.UsageService: what was used, quotas and the dashboard.
//
// Owner: connections' queues and lanes, each for its part of a call.

internal import TallyCore
internal import TallyMessages

extension UsageService {
  var reads: [Binding] {
    let services = services
    let engine = services.engine
    let largest = services.maximumReplyByteCount
    return [
      services.query(
        RPCs.getUsage,
        fields: { request throws(Refusal) in _ = try UsageRequests.usage(request, engine.zones) },
        userIds: { [$0.userId] },
        answer: { request, _ throws(Refusal) in try UsageQueries.usage(request, engine) }),
      services.query(
        RPCs.batchGetUsage,
        fields: { request throws(Refusal) in
          _ = try UsageRequests.usage(request, engine.zones)
          try Fields.reply(
            to: request.userIds, "user_ids", each: UsageQueries.usageByteCount, atMost: largest)
        },
        userIds: { $0.userIds },
        answer: { request, _ throws(Refusal) in try UsageQueries.usages(request, engine) }),
      services.query(
        RPCs.checkQuota,
        fields: { request throws(Refusal) in _ = try UsageRequests.quota(request) },
        userIds: { [$0.userId] },
        answer: { request, _ throws(Refusal) in try UsageQueries.quota(request, engine) }),
      services.encodedQuery(
        RPCs.getStats,
        fields: { request throws(Refusal) in
          _ = try UsageRequests.stats(request, engine.zones, nowMicros: engine.nowMicros())
        },
        // The empty id, which stands for all users, is no acting user's.
        userIds: { [$0.userId] },
        quick: { request, _ in UsageQueries.keptStats(request, services) },
        answer: { request, _ throws(Refusal) in try UsageQueries.stats(request, services) }),
    ]
  }
}
