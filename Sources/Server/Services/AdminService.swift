// tallystick.v1.AdminService: who answers here.
//
// Invariants:
// 1. GetServerInfo tells no peer anything about any user.
//
// Owner: connections' queues.

internal import Core
internal import Glibc
internal import Messages
internal import TTRPC

struct AdminService {
  typealias RPCs = TallystickV1.AdminService

  var services: Services
  var facts: ServerFacts

  var bindings: [Binding] { [serverInfo] }

  private var serverInfo: Binding {
    let services = services
    let facts = facts
    return (
      RPCs.getServerInfo.method,
      .unary { context, payload, responder in
        do throws(Status) {
          let caller = try services.caller(context)
          _ = try decode(TallystickV1.GetServerInfoRequest.self, payload)
          if caller.actingUserId != nil { try caller.require(.admin) }
          responder.succeed(facts.response(services.engine, caller).encode())
        } catch { responder.fail(error) }
      }
    )
  }
}

/// What GetServerInfo tells and does not change while the server runs.
struct ServerFacts: Sendable {
  var version: String
  var startedAtMicros: Int64
  var sqliteVersion: String
  var readerPoolSize: Int
  var ephemeral: Bool
  var testing: Bool
  /// Limits of the connection layer, beside those of fields.
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
    case .readOnly: response.state = .readOnly
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
