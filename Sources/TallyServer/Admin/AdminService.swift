// tallystick.v1.AdminService: GetServerInfo and Verify.
//
// Invariants:
// 1. GetServerInfo has nothing about any user, since every peer may call it.
// 2. One verification runs at a time, on a queue of its own. It reads in slices and never holds up the
//    writer.

internal import Dispatch
internal import Glibc
internal import TTRPC
internal import TallyCore
internal import TallyLocking
internal import TallyMessages

struct AdminService {
  typealias RPCs = TallystickV1.AdminService

  /// Progress messages that may wait for a slow reader. Further ones are left out, but not ends of checks.
  static let progressBufferCount = 64

  var services: Services
  var facts: ServerFacts
  /// Runs all checks; blocks until they are done.
  var verify: @Sendable (_ report: (VerifyProgress) -> Void) throws(StoreError) -> Void
  let verifyQueue = DispatchQueue(label: "tally.verify")

  var bindings: [Binding] { [serverInfo, verification] + users + rateLimits }

  private var serverInfo: Binding {
    let services = services
    let facts = facts
    return (
      RPCs.getServerInfo.method,
      .unary { context, payload, responder in
        services.lanes.run(responder) {
          do throws(Status) {
            let (_, caller) = try services.admit(
              context, payload, as: TallystickV1.GetServerInfoRequest.self, isWrite: false)
            if caller.actingUserId != nil { try caller.require(.admin) }
            responder.succeed(facts.response(services.engine, caller).encode())
          } catch { responder.fail(error) }
        }
      }
    )
  }

  private var verification: Binding {
    let services = services
    let verify = verify
    let queue = verifyQueue
    return (
      RPCs.verify.method,
      .streaming(.serverStream) { context, inbound, outbound in
        let caller = try services.admitStream(context, isWrite: false)
        _ = try await single(TallystickV1.VerifyRequest.self, inbound)
        try await services.require(.admin, of: caller)
        // `waiting` is the bound, since the stream could not tell which messages may be left out.
        let (progress, continuation) = AsyncThrowingStream.makeStream(
          of: VerifyProgress.self, throwing: (any Error).self, bufferingPolicy: .unbounded)
        let waiting = Lock(0)
        queue.async {
          do throws(StoreError) {
            try verify { step in
              let hasRoom = waiting.withLock { waiting in
                if !step.isDone && waiting >= AdminService.progressBufferCount { return false }
                waiting += 1
                return true
              }
              if hasRoom { continuation.yield(step) }
            }
            continuation.finish()
          } catch {
            let refusal =
              error.code == .replaced
              ? Refusal(.cancelled, error.message)
              : Refusal(.corrupt, "the database cannot be read: \(error)")
            continuation.finish(throwing: Status(refusal))
          }
        }
        for try await step in progress {
          waiting.withLock { $0 -= 1 }
          try await outbound.send(TallystickV1.VerifyResponse(step).encode())
        }
      }
    )
  }
}

/// The part of GetServerInfo's reply that stays the same while the server runs.
struct ServerFacts: Sendable {
  var version: String
  var startedAtMicros: Int64
  var sqliteVersion: String
  var readerPoolSize: Int
  var ephemeral: Bool
  var testing: Bool
  /// Limits of the connection layer. Those of fields are in `Limits`.
  var connectionLimits: [(name: String, value: Int64, unit: String)]

  func response(_ engine: any Engine, _ caller: Caller) -> TallystickV1.GetServerInfoResponse {
    var response = TallystickV1.GetServerInfoResponse()
    let state = engine.state()
    response.version = version
    response.pid = getpid()
    response.startedAtMicros = startedAtMicros
    response.nowMicros = engine.nowMicros()
    switch state.mode {
    case .serving: response.state = .serving
    case .readOnly, .lost: response.state = .readOnly
    case .draining: response.state = .draining
    }
    response.commitSequence = state.commitSequence
    response.ledgerSequence = state.ledgerSequence
    response.schemaVersion = state.schemaVersion
    response.sqliteVersion = sqliteVersion
    response.readerPoolSize = Int32(clamping: readerPoolSize)
    response.ephemeral = ephemeral
    response.testing = testing
    response.limits = (Limits.table + connectionLimits).map { limit in
      var message = TallystickV1.Limit()
      message.name = limit.name
      message.value = limit.value
      message.unit = limit.unit
      return message
    }
    response.role = caller.role.rawValue
    return response
  }
}

extension TallystickV1.VerifyResponse {
  init(_ step: VerifyProgress) {
    self.init()
    check = Int32(step.check)
    title = step.title
    done = step.isDone
    examined = step.examined
    total = step.total
    exempt = step.exempt
    violations = step.violations
    findings = step.findings
    elapsedMicros = step.elapsedMicros
  }
}

/// The numbers in the protos of the enums that the store keeps, for Verify.
let protoEnums = VerifyEnums(
  transactionTypes: knownNumbers { number in
    if case .unrecognized = TallystickV1.TransactionType(rawValue: number) { false } else { true }
  },
  holdStates: knownNumbers { number in
    if case .unrecognized = TallystickV1.HoldState(rawValue: number) { false } else { true }
  },
  runStatuses: knownNumbers { number in
    if case .unrecognized = TallystickV1.RunStatus(rawValue: number) { false } else { true }
  },
  mediaSources: knownNumbers { number in
    if case .unrecognized = TallystickV1.MediaSource(rawValue: number) { false } else { true }
  },
  userRoles: knownNumbers { number in
    if case .unrecognized = TallystickV1.UserRole(rawValue: number) { false } else { true }
  },
  userApprovals: knownNumbers { number in
    if case .unrecognized = TallystickV1.UserApproval(rawValue: number) { false } else { true }
  },
  eventKinds: knownNumbers { number in
    if case .unrecognized = TallystickV1.EventKind(rawValue: number) { false } else { true }
  },
  pageUpdateKinds: knownNumbers { number in
    if case .unrecognized = TallystickV1.PageUpdateKind(rawValue: number) { false } else { true }
  },
  intentStates: knownNumbers { number in
    if case .unrecognized = TallystickV1.TopUpIntentState(rawValue: number) { false } else { true }
  })

/// The known numbers of an enum without zero; 255 is far beyond the last of any.
private func knownNumbers(_ isKnown: (Int32) -> Bool) -> [Int32] { (Int32(1)...255).filter(isKnown) }
