// The checks that every call passes before its fields are looked at: the peer, the deadline, whether the
// engine takes writes, and the rate limits.
//
// Invariants:
// 1. Every method of CreditService, UsageService, PageService and AdminService passes `admit` or
//    `admitStream`. Health, reflection, cancellation and the harness are not rate limited.
// 2. A call that is refused since the queue is full, or the part of whoever it counts for, costs as little as
//    can be: its fields are not checked, its digest is not taken, and its answer is made already.
// 3. A call counts against its uid, and against its acting user; without an acting user, against the one user
//    that it names. A batch that names several users counts against the uid only, and so does a stream: one
//    user's limit must not stop calls that concern many. Calls of AdminService never count against a user
//    that they name.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

extension Services {
  /// The caller, after its peer and the deadline are checked.
  func caller(_ context: CallContext) throws(Status) -> Caller {
    if let deadline = context.deadlineNanoseconds, deadline <= context.nowNanoseconds {
      throw Status(Refusal(.deadlineExceeded, "the deadline passed; nothing was applied"))
    }
    return try Caller(context, allowList: allowList, users: engine)
  }

  /// Checks a unary call.
  /// - Parameter isWrite: whether the engine must be ready to take a write.
  func admit<Request: Message>(
    _ context: CallContext, _ payload: [UInt8], as type: Request.Type, isWrite: Bool
  ) throws(Status) -> (request: Request, caller: Caller) {
    let caller = try caller(context)
    if isWrite, let refusal = engine.admission() { throw .whole(refusal) }
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

  /// Refuses a call whose part of the writer's queue is full, before its fields are looked at.
  func admitShare(of request: some Message, _ caller: Caller, _ context: CallContext) throws(Status) {
    let refusal = engine.admission { sharer((request as? any NamesUser)?.namedUserId, caller, context) }
    if let refusal { throw .whole(refusal) }
  }

  /// Whose part of the writer's queue a call takes: that of the one user whom it names, or for whom it acts,
  /// or else its connection's.
  func sharer(_ userId: String?, _ caller: Caller, _ context: CallContext) -> String {
    userId ?? caller.actingUserId ?? Self.sharer(context)
  }

  /// A connection as a sharer. No user's id has a NUL.
  static func sharer(_ context: CallContext) -> String { "\0\(context.connectionId)" }

  /// Checks a stream before its messages are looked at. The whole stream counts as one call. One that writes
  /// waits for room in the writer's queue, so a full one turns nobody away.
  func admitStream(_ context: CallContext, isWrite: Bool) throws(Status) -> Caller {
    let caller = try caller(context)
    if isWrite, let refusal = engine.admission(), refusal.reason != .queueFull { throw Status(refusal) }
    if limiter.isActive { try count(context, caller, naming: nil) }
    return caller
  }

  /// Whether a call has to run on a lane, since finding out whether its acting user is an admin may take a
  /// read.
  static func mayWait(_ role: Role, _ context: CallContext) -> Bool {
    role == .admin && !context.metadata.isEmpty
  }

  /// `Caller.require` for a stream. It waits for a reader on a lane, so that the stream's task blocks no
  /// thread of the shared pool.
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
    // Rounded up, so that there is a token by then.
    let retryAfterMillis = (excess.waitNanoseconds + 999_999) / 1_000_000
    var details = ["retry_after_millis": String(retryAfterMillis)]
    switch excess.subject {
    case .user(let userId): details["user_id"] = userId
    case .uid(let uid): details["uid"] = String(uid)
    }
    throw Status(.rateLimited, "too many calls; try again in \(retryAfterMillis) ms", details: details)
  }
}
