// grpc.health.v1.Health: is the server serving, asked once or watched.
//
// Invariants:
// 1. The state is the engine's: serving, or not while it takes no writes or drains.
// 2. A watcher gets the state at once and then each change, never the same state twice in a row.
// 3. A watcher is woken by a change, and costs nothing between two.
//
// Owner: the watchers' tasks; the state is asked, not kept.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

struct HealthService {
  typealias ServingStatus = GrpcHealthV1.HealthCheckResponse.ServingStatus

  var services: Services
  /// The server takes no new calls; watchers are told and let go, or the drain would wait for them.
  var isDraining: @Sendable () -> Bool
  /// Tells when the state may be another.
  var changes: ServingChanges
  /// Names of services that are served; the empty name is the server.
  var serviceNames: Set<String>

  var bindings: [Binding] {
    let health = self
    return [
      (
        GrpcHealthV1.Health.check.method,
        .unary { context, payload, responder in
          do throws(Status) {
            _ = try health.services.caller(context)
            let request = try decode(GrpcHealthV1.HealthCheckRequest.self, payload)
            guard health.knows(request.service) else {
              throw Status(.serviceNotFound, "unknown service")
            }
            responder.succeed(HealthService.message(health.status).encode())
          } catch { responder.fail(error) }
        }
      ),
      (
        GrpcHealthV1.Health.watch.method,
        .streaming(.serverStream) { context, inbound, outbound in
          _ = try health.services.caller(context)
          let request = try await single(GrpcHealthV1.HealthCheckRequest.self, inbound)
          var last: ServingStatus?
          while !context.isCancelled {
            let version = health.changes.version
            let now = health.knows(request.service) ? health.status : .serviceUnknown
            if now != last {
              try await outbound.send(HealthService.message(now).encode())
              last = now
            }
            if health.isDraining() { return }
            await health.changes.wait(after: version)
          }
        }
      ),
    ]
  }

  private func knows(_ service: String) -> Bool { service.isEmpty || serviceNames.contains(service) }

  private var status: ServingStatus {
    if isDraining() { return .notServing }
    return switch services.engine.state().mode {
    case .serving: .serving
    case .readOnly, .draining, .lost: .notServing
    }
  }

  private static func message(_ status: ServingStatus) -> GrpcHealthV1.HealthCheckResponse {
    var response = GrpcHealthV1.HealthCheckResponse()
    response.status = status
    return response
  }
}
