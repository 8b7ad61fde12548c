// tallystick.testing.v1.TestControl: the harness's hand on clock and data.
//
// Invariants:
// 1. Bound only when the server was started for testing; then every peer that may write may use it.
// 2. The clock never goes behind the ledger's last time.
//
// Owner: lanes; the clock is a lock-guarded value of its own.

internal import Core
internal import Messages
internal import TTRPC

struct TestControlService {
  typealias RPCs = TallystickTestingV1.TestControl

  var services: Services
  var clock: TestClock
  /// Empties the database; returns the commit sequence after.
  var reset: @Sendable () throws(Refusal) -> Int64

  var bindings: [Binding] {
    let clock = clock
    let reset = reset
    let engine = services.engine
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
      services.query(RPCs.reset, role: .service, fields: { _ in }) { _, _ throws(Refusal) in
        var response = TallystickTestingV1.ResetResponse()
        response.commitSequence = try reset()
        clock.run()
        return response
      },
    ]
  }
}
