// tallystick.v1.Control: cancellation by token.
//
// Invariants:
// 1. A token cancels only calls that were made by the same uid.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

struct ControlService {
  var services: Services
  /// Cancels the calls with this token and uid; returns how many there were.
  var cancel: @Sendable (_ token: String, _ uid: UInt32) -> Int

  var bindings: [Binding] {
    let services = services
    let cancel = cancel
    return [
      (
        TallystickV1.Control.cancel.method,
        .unary { context, payload, responder in
          do throws(Status) {
            _ = try services.caller(context)
            let request = try decode(TallystickV1.CancelRequest.self, payload)
            do throws(Refusal) {
              try Fields.required(request.token, "token", atMost: Limits.cancelTokenByteCount)
            } catch { throw Status(error) }
            var response = TallystickV1.CancelResponse()
            response.cancelled = Int32(clamping: cancel(request.token, context.peer.uid))
            responder.succeed(response.encode())
          } catch { responder.fail(error) }
        }
      )
    ]
  }
}
