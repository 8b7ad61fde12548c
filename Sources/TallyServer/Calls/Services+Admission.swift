// The one gate of every call to what the product keeps: who calls, whether in time, whether anything is
// taken now, and whether not too often.
//
// Invariants:
// 1. Every method of CreditService, UsageService, PageService and AdminService passes `admit` before its
//    fields are looked at. Health, reflection, cancellation and the harness are not rate limited.
// 2. A call counts for its uid, and for the user for whom it acts; when it acts for nobody, for the one user
//    whom it names. A batch that names several users, and a stream, count for the peer only: one user's
//    haste must not stop what concerns many. AdminService's calls count for no user that they name.
//
// Values; called on connections' queues.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

extension Services {
  /// Peer and deadline.
  func caller(_ context: CallContext) throws(Status) -> Caller {
    if let deadline = context.deadlineNanoseconds, deadline <= context.nowNanoseconds {
      throw Status(Refusal(.deadlineExceeded, "the deadline passed; nothing was applied"))
    }
    return try Caller(context, allowList: allowList, users: engine)
  }

  /// Lets a unary call in.
  /// - Parameter isWrite: whether the engine must be ready to take a write.
  func admit<Request: Message>(
    _ context: CallContext, _ payload: [UInt8], as type: Request.Type, isWrite: Bool
  ) throws(Status) -> (request: Request, caller: Caller) {
    let caller = try caller(context)
    if isWrite, let refusal = engine.admission() { throw Status(refusal) }
    guard limiter.isActive else { return (try decode(type, payload), caller) }
    let request: Request
    do throws(Status) { request = try decode(type, payload) } catch {
      try count(context, caller, naming: nil)
      throw error
    }
    let isAboutUsers = context.service != TallystickV1.AdminService.name
    try count(
      context, caller, naming: isAboutUsers ? (request as? any NamesUser)?.namedUserId : nil)
    return (request, caller)
  }

  /// Lets a stream in, before its messages are looked at; the whole of it counts as one call.
  func admitStream(_ context: CallContext, isWrite: Bool) throws(Status) -> Caller {
    let caller = try caller(context)
    if isWrite, let refusal = engine.admission() { throw Status(refusal) }
    if limiter.isActive { try count(context, caller, naming: nil) }
    return caller
  }

  /// Whether a call has to be handled on a lane: whether its acting user is an admin may have to be read.
  static func mayWait(_ role: Role, _ context: CallContext) -> Bool {
    role == .admin && !context.metadata.isEmpty
  }

  /// The same as `Caller.require`, for a stream: its task must not hold up others while a reader is waited
  /// for.
  func require(_ role: Role, of caller: Caller) async throws(Status) {
    guard caller.actingUserId != nil else { return try caller.require(role) }
    let result: Result<Void, Status> = await withCheckedContinuation { continuation in
      lanes.run {
        continuation.resume(returning: Result { () throws(Status) in try caller.require(role) })
      }
    }
    try result.get()
  }

  /// - Throws: RATE_LIMITED.
  private func count(_ context: CallContext, _ caller: Caller, naming userId: String?) throws(Status) {
    let uid = context.peer.uid
    guard let excess = limiter.count(uid: uid, userId: caller.actingUserId ?? userId) else { return }
    // Rounded up: who comes back then finds a token.
    let retryAfterMillis = (excess.waitNanoseconds + 999_999) / 1_000_000
    var details = ["retry_after_millis": String(retryAfterMillis)]
    switch excess.subject {
    case .user(let userId): details["user_id"] = userId
    case .uid(let uid): details["uid"] = String(uid)
    }
    throw Status(.rateLimited, "too many calls; try again in \(retryAfterMillis) ms", details: details)
  }
}
