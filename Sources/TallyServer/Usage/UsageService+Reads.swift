// tallystick.v1.UsageService: usage, quotas and statistics.

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
        parse: { request, _ throws(Refusal) in try UsageQueries.parse(request, engine.zones) },
        userIds: { [$0.userId] },
        read: { query throws(Refusal) in try UsageQueries.usage(query, engine) }),
      services.query(
        RPCs.batchGetUsage,
        parse: { request, _ throws(Refusal) in
          try UsageQueries.parse(request, engine.zones, largest: largest)
        },
        userIds: { $0.userIds },
        read: { query throws(Refusal) in try UsageQueries.usages(query, engine) }),
      services.query(
        RPCs.checkQuota,
        parse: { request, _ throws(Refusal) in try UsageQueries.parse(request) },
        userIds: { [$0.userId] },
        read: { query throws(Refusal) in try UsageQueries.quota(query, engine) }),
      services.encodedQuery(
        RPCs.getStats,
        parse: { request, _ throws(Refusal) in
          try UsageQueries.parse(request, engine.zones, nowMicros: engine.nowMicros())
        },
        // The empty id, which stands for all users, is no acting user's.
        userIds: { [$0.userId] },
        quick: { query in UsageQueries.keptStats(query, services) },
        read: { query throws(Refusal) in try UsageQueries.stats(query, services) }),
    ]
  }
}
