// tallystick.testing.v1.TestControl: the harness's hand on clock, data and failures.
//
// Invariants:
// 1. Bound only when the server was started for testing; then every peer that may write may use it.
// 2. The clock never goes behind the ledger's last time.
// 3. Its own methods are not rate limited, and no injected failure happens to them.
//
// Owner: lanes, and the tasks that load fixtures; what it moves guards itself.

internal import Core
internal import Messages
internal import TTRPC

struct TestControlService {
  typealias RPCs = TallystickTestingV1.TestControl

  var services: Services
  var engine: SQLiteEngine
  var harness: Harness
  var fixtures: Fixtures
  /// Full names of the methods that may be made to fail.
  var methods: Set<String>

  var bindings: [Binding] { clock + [reset, loadFixtures] + failures }

  private var clock: [Binding] {
    let clock = harness.clock
    let engine = engine
    return [
      services.query(RPCs.getClock, fields: { _ in }) { _, _ throws(Refusal) in
        var response = TallystickTestingV1.GetClockResponse()
        response.nowMicros = clock.wallMicros
        response.frozen = clock.isFrozen
        return response
      },
      services.query(
        RPCs.setClock, role: .service,
        fields: { request throws(Refusal) in try Fields.time(request.nowMicros, "now_micros") }
      ) { request, _ throws(Refusal) in
        let last = engine.state().lastTimeMicros
        if request.nowMicros < last {
          throw invalidField("now_micros", "must not be before the ledger's last time, \(last)", limit: last)
        }
        clock.set(wallMicros: request.nowMicros)
        var response = TallystickTestingV1.SetClockResponse()
        response.nowMicros = clock.wallMicros
        return response
      },
      services.query(
        RPCs.advanceClock, role: .service,
        fields: { request throws(Refusal) in
          if request.millis < 0 || request.millis > Limits.clockAdvanceMillis {
            throw invalidField(
              "millis", "must be from 0 to \(Limits.clockAdvanceMillis)", limit: Limits.clockAdvanceMillis)
          }
        }
      ) { request, _ throws(Refusal) in
        let (now, overflow) = clock.wallMicros.addingReportingOverflow(request.millis * 1_000)
        if overflow || now > Limits.timeMicros {
          throw invalidField("millis", "would pass the year 9999", limit: Limits.timeMicros)
        }
        var response = TallystickTestingV1.AdvanceClockResponse()
        response.nowMicros = clock.advance(byMicros: request.millis * 1_000)
        return response
      },
    ]
  }

  private var reset: Binding {
    let harness = harness
    let engine = engine
    return services.query(RPCs.reset, role: .service, fields: { _ in }) { _, _ throws(Refusal) in
      // First: what is delayed would hold up the writer, and what is to fail would.
      harness.failures.clear()
      var response = TallystickTestingV1.ResetResponse()
      do throws(StoreError) {
        response.commitSequence = try engine.reset { harness.clock.run() }
      } catch { throw Refusal(.readOnly, "the database could not be emptied: \(error)") }
      return response
    }
  }

  private var loadFixtures: Binding {
    let (services, fixtures, engine) = (services, fixtures, engine)
    return (
      RPCs.loadFixtures.method,
      .unary { context, payload, responder in
        Task {
          do throws(Status) {
            let (request, caller) = try services.admit(
              context, payload, as: TallystickTestingV1.LoadFixturesRequest.self, isWrite: true)
            try caller.require(.service)
            var response = TallystickTestingV1.LoadFixturesResponse()
            response.applied = try await fixtures.load(request.json, context)
            response.commitSequence = engine.state().commitSequence
            responder.succeed(response.encode())
          } catch { responder.fail(error) }
        }
      }
    )
  }

  private var failures: [Binding] {
    let failures = harness.failures
    let (methods, engine) = (methods, engine)
    return [
      services.query(
        RPCs.injectFailure, role: .service,
        fields: { request throws(Refusal) in
          _ = try FailureRequests.injection(request, methods: methods)
        }
      ) { request, _ throws(Refusal) in
        var response = TallystickTestingV1.InjectFailureResponse()
        response.failureId = try failures.inject(try FailureRequests.injection(request, methods: methods))
        return response
      },
      services.query(RPCs.listFailures, fields: { _ in }) { _, _ throws(Refusal) in
        var response = TallystickTestingV1.ListFailuresResponse()
        response.failures = failures.list()
        return response
      },
      services.query(RPCs.clearFailures, role: .service, fields: { _ in }) { _, _ throws(Refusal) in
        var response = TallystickTestingV1.ClearFailuresResponse()
        response.cleared = Int32(failures.clear())
        do throws(StoreError) { try engine.retryDisk() } catch {
          throw Refusal(.shuttingDown, "the disk could not be tried again: \(error)")
        }
        return response
      },
    ]
  }
}
