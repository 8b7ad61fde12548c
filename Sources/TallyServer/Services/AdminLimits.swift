// tallystick.v1.AdminService: rate limits.
//
// Invariants:
// 1. A limit holds from the reply of SetRateLimit on, and over restarts.
//
// Owner: connections' queues, lanes and the engine's writer, each for its part of a call.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

extension AdminService {
  var rateLimits: [Binding] {
    let engine = services.engine
    return [
      services.unkeyedMutation(RPCs.setRateLimit, role: .admin) { request, _ throws(Refusal) in
        Prepared(command: .admin(.setRateLimit(try rateLimit(request.rateLimit))))
      } reply: { outcome throws(Refusal) in
        guard case .rateLimitSet(let limit, let commit) = try adminOutcome(outcome) else {
          throw unexpectedOutcome
        }
        var response = TallystickV1.SetRateLimitResponse()
        response.rateLimit = TallystickV1.RateLimit(limit)
        response.commitSequence = commit.sequence
        response.commitPosition = commit.position
        return response
      },
      services.query(
        RPCs.listRateLimits, role: .admin,
        fields: { request throws(Refusal) in
          _ = try Fields.pageSize(request.limit)
          _ = try afterId(request)
        },
        answer: { request, _ throws(Refusal) in
          let snapshot = try engine.rateLimits(
            afterId: try afterId(request), limit: try Fields.pageSize(request.limit))
          var response = TallystickV1.ListRateLimitsResponse()
          response.rateLimits = snapshot.value.limits.map(TallystickV1.RateLimit.init)
          if let after = snapshot.value.nextAfter {
            response.nextCursor = Cursor.encode(before: after, RPCs.listRateLimits, request)
          }
          response.commitSequence = snapshot.commitSequence
          return response
        }),
    ]
  }
}

private func afterId(_ request: TallystickV1.ListRateLimitsRequest) throws(Refusal) -> Int64 {
  try Cursor.decode(TallystickV1.AdminService.listRateLimits, request) ?? 0
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
    throw invalidField("rate_limit.burst", "needs a rate")
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
