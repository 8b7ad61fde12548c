// tallystick.v1.AdminService: rate limits.
//
// Invariants:
// 1. A limit holds from the reply of SetRateLimit on, and over restarts.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

extension AdminService {
  var rateLimits: [Binding] {
    let engine = services.engine
    return [
      services.unkeyedMutation(RPCs.setRateLimit, role: .admin) { request, _ throws(Refusal) in
        Prepared(command: AdminCommand.SetRateLimit(try rateLimit(request.rateLimit)))
      } reply: { receipt in
        var response = TallystickV1.SetRateLimitResponse()
        response.rateLimit = TallystickV1.RateLimit(receipt.limit)
        response.commitSequence = receipt.commit.sequence
        response.commitPosition = receipt.commit.position
        return response
      },
      services.query(
        RPCs.listRateLimits, role: .admin,
        parse: { request, _ throws(Refusal) in try limitsQuery(request) },
        read: { query throws(Refusal) in
          let snapshot = try engine.rateLimits(afterId: query.filter.afterId, limit: query.filter.limit)
          var response = TallystickV1.ListRateLimitsResponse()
          response.rateLimits = snapshot.value.limits.map(TallystickV1.RateLimit.init)
          if let after = snapshot.value.nextAfter {
            response.nextCursor = Cursor.encode(before: after, RPCs.listRateLimits, query.request)
          }
          response.commitSequence = snapshot.commitSequence
          return response
        }),
    ]
  }
}

/// Which rate limits are listed: at most so many after that id.
private struct LimitsFilter {
  var limit: Int
  var afterId: Int64
}

private func limitsQuery(
  _ request: TallystickV1.ListRateLimitsRequest
) throws(Refusal) -> ListQuery<TallystickV1.ListRateLimitsRequest, LimitsFilter> {
  let limit = try Fields.pageSize(request.limit)
  let afterId = try Cursor.decode(TallystickV1.AdminService.listRateLimits, request) ?? 0
  return ListQuery(request, LimitsFilter(limit: limit, afterId: afterId))
}

private func rateLimit(_ message: TallystickV1.RateLimit?) throws(Refusal) -> RateLimit {
  guard let message else { throw invalidField("rate_limit", "must be set") }
  let subject: RateLimit.Subject
  switch message.subject {
  case .userId(let userId):
    try Fields.required(userId, "rate_limit.user_id", atMost: Limits.userIdByteCount)
    subject = .user(userId)
  case .uid(let uid): subject = .uid(uid)
  case .everyUser(true): subject = .everyUser
  case .everyUid(true): subject = .everyUid
  case .everyUser: throw invalidField("rate_limit.every_user", "must be true when it is set")
  case .everyUid: throw invalidField("rate_limit.every_uid", "must be true when it is set")
  case nil: throw invalidField("rate_limit.subject", "must be set")
  }
  try rate(message.perSecond, "rate_limit.per_second")
  try rate(message.burst, "rate_limit.burst")
  if message.perSecond == 0 && message.burst != 0 {
    throw invalidField("rate_limit.burst", "is allowed only with a rate")
  }
  return RateLimit(
    subject, perSecond: message.perSecond, burst: message.burst == 0 ? message.perSecond : message.burst)
}

private func rate(_ rate: Int32, _ field: String) throws(Refusal) {
  if rate < 0 || rate > RateLimit.maximumRate {
    throw invalidField(
      field, "must be from 0 to \(RateLimit.maximumRate)", limit: Int64(RateLimit.maximumRate))
  }
}

extension TallystickV1.RateLimit {
  init(_ limit: RateLimit) {
    self.init()
    switch limit.subject {
    case .user(let userId): subject = .userId(userId)
    case .uid(let uid): subject = .uid(uid)
    case .everyUser: subject = .everyUser(true)
    case .everyUid: subject = .everyUid(true)
    }
    perSecond = limit.perSecond
    burst = limit.burst
  }
}
