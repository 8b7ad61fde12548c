// tallystick.testing.v1.TestControl: methods by which tests set the clock, the data and failures.
//
// Invariants:
// 1. Only a server for testing has it; there every peer that may write may use it.
// 2. The clock is never set before the ledger's last time.
// 3. Its methods are not rate limited, and no injected failure happens to them.
// 4. Methods that wait for the writer run on a queue of their own, after they have ended the delays that
//    might hold the writer up. All others are answered at once, so that no failure can keep a test from them.
//
// Owner: connections' queues, the harness's lane, and the queue of fixtures.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

struct TestControlService {
  typealias RPCs = TallystickTestingV1.TestControl

  var services: Services
  var engine: any ServedEngine
  var harness: Harness
  var fixtures: Fixtures
  /// The full names of the methods that may be made to fail.
  var methods: Set<String>

  var bindings: [Binding] { clock + data + failures }

  /// A method that is answered at once.
  /// - Parameter check: checks the request's fields, and returns what `answer` gets.
  private func quick<Request: Message, Checked: Sendable, Response: Message>(
    _ rpc: RPC<Request, Response>, role: Role = .service,
    check: @escaping @Sendable (Request) throws(Refusal) -> Checked,
    answer: @escaping @Sendable (Checked) throws(Refusal) -> Response
  ) -> Binding {
    let services = services
    return (
      rpc.method,
      .unary { context, payload, responder in
        do throws(Status) {
          let checked = try services.admit(context, payload, rpc, role, check)
          responder.answer { () throws(Refusal) -> Response in try answer(checked) }
        } catch { responder.fail(error) }
      }
    )
  }

  /// A method that waits for the writer.
  /// - Parameter first: is called before that, and returns what `answer` gets.
  private func slow<Request: Message, Checked: Sendable, First: Sendable, Response: Message>(
    _ rpc: RPC<Request, Response>,
    check: @escaping @Sendable (Request) throws(Refusal) -> Checked,
    first: @escaping @Sendable (Checked) -> First,
    answer: @escaping @Sendable (First) throws(Refusal) -> Response
  ) -> Binding {
    let (services, lane) = (services, harness.lane)
    return (
      rpc.method,
      .unary { context, payload, responder in
        do throws(Status) {
          let first = first(try services.admit(context, payload, rpc, .service, check))
          lane.async { responder.answer { () throws(Refusal) -> Response in try answer(first) } }
        } catch { responder.fail(error) }
      }
    )
  }

  // MARK: the clock

  private var clock: [Binding] {
    let (clock, engine) = (harness.clock, engine)
    return [
      quick(RPCs.getClock, role: .readonly, check: { _ in }) { _ in
        var response = TallystickTestingV1.GetClockResponse()
        response.nowMicros = clock.wallMicros
        response.frozen = clock.isFrozen
        return response
      },
      quick(
        RPCs.setClock,
        check: { request throws(Refusal) in
          try Fields.time(request.nowMicros, "now_micros")
          return request.nowMicros
        }
      ) { nowMicros throws(Refusal) in
        let last = engine.state().lastTimeMicros
        if nowMicros < last {
          throw invalidField("now_micros", "must not be before the ledger's last time, \(last)", limit: last)
        }
        engine.driveTime { clock.set(wallMicros: nowMicros) }
        var response = TallystickTestingV1.SetClockResponse()
        response.nowMicros = clock.wallMicros
        return response
      },
      quick(
        RPCs.advanceClock,
        check: { request throws(Refusal) in
          if request.millis < 0 || request.millis > Limits.clockAdvanceMillis {
            throw invalidField(
              "millis", "must be from 0 to \(Limits.clockAdvanceMillis)", limit: Limits.clockAdvanceMillis)
          }
          return request.millis * 1_000
        }
      ) { micros throws(Refusal) in
        let (now, overflow) = clock.wallMicros.addingReportingOverflow(micros)
        if overflow || now > Limits.timeMicros {
          throw invalidField("millis", "would pass the year 9999", limit: Limits.timeMicros)
        }
        var response = TallystickTestingV1.AdvanceClockResponse()
        response.nowMicros = clock.advance(byMicros: micros)
        return response
      },
    ]
  }

  // MARK: the data

  private var data: [Binding] {
    let (harness, engine) = (harness, engine)
    return [
      slow(RPCs.reset, check: { _ in }, first: { harness.failures.clear() }) { _ throws(Refusal) in
        var response = TallystickTestingV1.ResetResponse()
        do throws(StoreError) {
          response.commitSequence = try engine.reset { harness.clock.run() }
        } catch { throw Refusal(.readOnly, "the database could not be emptied: \(error)") }
        return response
      },
      loadFixtures,
      slow(
        RPCs.saveSnapshot,
        check: { request throws(Refusal) in
          try Fields.required(request.name, "name", atMost: Limits.snapshotNameByteCount)
          return request.name
        }, first: { $0 }
      ) { name throws(Refusal) in
        let saved = try harness.snapshots.save(name, engine)
        var response = TallystickTestingV1.SaveSnapshotResponse()
        response.sizeBytes = Int64(saved.byteCount)
        response.commitSequence = saved.commitSequence
        return response
      },
      slow(
        RPCs.restoreSnapshot,
        check: { request throws(Refusal) in
          try Fields.required(request.name, "name", atMost: Limits.snapshotNameByteCount)
          return request.name
        },
        first: { name in
          harness.failures.clear()
          return name
        }
      ) { name throws(Refusal) in
        var response = TallystickTestingV1.RestoreSnapshotResponse()
        response.commitSequence = try harness.snapshots.restore(name, engine)
        return response
      },
    ]
  }

  private var loadFixtures: Binding {
    let (services, fixtures, engine) = (services, fixtures, engine)
    return (
      RPCs.loadFixtures.method,
      .unary { context, payload, responder in
        do throws(Status) {
          let json = try services.admit(context, payload, RPCs.loadFixtures, .service) { $0.json }
          fixtures.load(json, context) { result in
            switch result {
            case .success(let applied):
              var response = TallystickTestingV1.LoadFixturesResponse()
              response.applied = applied
              response.commitSequence = engine.state().commitSequence
              responder.succeed(response.encode())
            case .failure(let status): responder.fail(status)
            }
          }
        } catch { responder.fail(error) }
      }
    )
  }

  // MARK: failures

  private var failures: [Binding] {
    let failures = harness.failures
    let (methods, engine) = (methods, engine)
    return [
      quick(
        RPCs.injectFailure,
        check: { request throws(Refusal) in try FailureRequests.injection(request, methods: methods) }
      ) { injection throws(Refusal) in
        var response = TallystickTestingV1.InjectFailureResponse()
        response.failureId = try failures.inject(injection)
        return response
      },
      quick(RPCs.listFailures, role: .readonly, check: { _ in }) { _ in
        var response = TallystickTestingV1.ListFailuresResponse()
        response.failures = failures.list()
        return response
      },
      slow(RPCs.clearFailures, check: { _ in }, first: { failures.clear() }) { cleared throws(Refusal) in
        do throws(StoreError) { try engine.retryDisk() } catch {
          throw Refusal(.shuttingDown, "the disk could not be tried again: \(error)")
        }
        var response = TallystickTestingV1.ClearFailuresResponse()
        response.cleared = Int32(cleared)
        return response
      },
    ]
  }
}

extension Services {
  /// Checks the call, its fields and the caller's role.
  fileprivate func admit<Request: Message, Checked, Response: Message>(
    _ context: CallContext, _ payload: [UInt8], _ rpc: RPC<Request, Response>, _ role: Role,
    _ check: (Request) throws(Refusal) -> Checked
  ) throws(Status) -> Checked {
    let (request, caller) = try admit(context, payload, as: Request.self, isWrite: false)
    let checked: Checked
    do throws(Refusal) { checked = try check(request) } catch { throw Status(error) }
    try caller.require(role)
    return checked
  }
}
