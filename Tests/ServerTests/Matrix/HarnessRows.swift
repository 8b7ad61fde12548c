// TestControl's rows: of the matrix of roles. Acting users and rate limits are none of its business.

import TTRPC
import TallyMessages

@testable import TallyServer

enum HarnessRows {
  static let all: [MethodRow] = [
    MethodRow(Control.getClock, .readonly, .nobody) { _, _, _ in },
    MethodRow(Control.setClock, .service, .nobody) { request, _, _ in
      request.nowMicros = 4_000_000_000_000_000
    },
    MethodRow(Control.advanceClock, .service, .nobody) { request, _, _ in request.millis = 1 },
    MethodRow(Control.reset, .service, .nobody) { _, _, _ in },
    MethodRow(Control.loadFixtures, .service, .nobody) { request, _, _ in request.json = "{}" },
    MethodRow(Control.saveSnapshot, .service, .nobody) { request, _, _ in request.name = "s" },
    MethodRow(Control.restoreSnapshot, .service, .nobody) { request, _, _ in request.name = "s" },
    MethodRow(Control.injectFailure, .service, .nobody) { request, _, _ in
      var failure = TallystickTestingV1.Failure()
      failure.action = .refuse
      failure.method = "CreditService/Consume"
      request.failure = failure
    },
    MethodRow(Control.listFailures, .readonly, .nobody) { _, _, _ in },
    MethodRow(Control.clearFailures, .service, .nobody) { _, _, _ in },
  ]
}
