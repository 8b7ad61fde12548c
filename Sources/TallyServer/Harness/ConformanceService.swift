// tallystick.testing.v1.Conformance: methods that do what the request says, for test suites and benchmarks.
//
// Invariants:
// 1. It never touches the ledger, and only a server for testing has it.
//
// Owner: connections' queues and the streams' tasks.

internal import Dispatch
internal import TTRPC
internal import TallyMessages

struct ConformanceService {
  typealias RPCs = TallystickTestingV1.Conformance
  typealias EchoRequest = TallystickTestingV1.EchoRequest
  typealias EchoResponse = TallystickTestingV1.EchoResponse

  /// The bodies that Count sends.
  static let maximumBodyByteCount: Int32 = 1 << 20
  static let maximumSleepMillis: Int64 = 600_000

  var bindings: [Binding] { unary + streams }

  private var unary: [Binding] {
    [
      (
        RPCs.echo.method,
        .unary { _, payload, responder in
          do throws(Status) {
            responder.succeed(ConformanceService.echo(try decode(EchoRequest.self, payload)).encode())
          } catch { responder.fail(error) }
        }
      ),
      (
        RPCs.fail.method,
        .unary { _, payload, responder in
          do throws(Status) {
            try ConformanceService.raise(try decode(TallystickTestingV1.FailRequest.self, payload))
            responder.succeed(EchoResponse().encode())
          } catch { responder.fail(error) }
        }
      ),
      (
        RPCs.sleep.method,
        .unary { context, payload, responder in
          do throws(Status) {
            let request = try decode(TallystickTestingV1.SleepRequest.self, payload)
            // Called for its deadline or its cancellation, whichever comes first. Only the first answer
            // counts.
            context.onCancel { responder.fail($0) }
            let millis = Int(clamping: min(max(0, request.millis), ConformanceService.maximumSleepMillis))
            DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(millis)) {
              responder.succeed(EchoResponse().encode())
            }
          } catch { responder.fail(error) }
        }
      ),
      (
        RPCs.inspect.method,
        .unary { context, payload, responder in
          do throws(Status) {
            _ = try decode(EchoRequest.self, payload)
            responder.succeed(ConformanceService.inspect(context).encode())
          } catch { responder.fail(error) }
        }
      ),
    ]
  }

  private var streams: [Binding] {
    [
      (
        RPCs.sum.method,
        .streaming(.clientStream) { _, inbound, outbound in
          var response = TallystickTestingV1.SumResponse()
          for try await payload in inbound {
            response.count += 1
            response.sum &+= try decode(EchoRequest.self, payload).number
          }
          try await outbound.send(response.encode())
        }
      ),
      (
        RPCs.count.method,
        .streaming(.serverStream) { _, inbound, outbound in
          let request = try await single(TallystickTestingV1.CountRequest.self, inbound)
          guard request.bodySize >= 0, request.bodySize <= ConformanceService.maximumBodyByteCount else {
            throw Status(invalidField("body_size", "is out of range"))
          }
          var response = EchoResponse()
          response.body = [UInt8](repeating: 0x2a, count: Int(request.bodySize))
          for number in 0..<Int64(max(0, request.count)) {
            response.number = number
            try await outbound.send(response.encode())
          }
          if let fail = request.fail { try ConformanceService.raise(fail) }
        }
      ),
      (
        RPCs.chat.method,
        .streaming(.bidi) { _, inbound, outbound in
          for try await payload in inbound {
            try await outbound.send(ConformanceService.echo(try decode(EchoRequest.self, payload)).encode())
          }
        }
      ),
    ]
  }

  private static func echo(_ request: EchoRequest) -> EchoResponse {
    var response = EchoResponse()
    response.text = request.text
    response.number = request.number
    response.body = request.body
    return response
  }

  private static func raise(_ request: TallystickTestingV1.FailRequest) throws(Status) {
    if request.code == 0 { return }
    guard let code = StatusCode(rawValue: request.code) else {
      throw Status(invalidField("code", "\(request.code) is not a status code"))
    }
    throw Status(code, request.message)
  }

  private static func inspect(_ context: CallContext) -> TallystickTestingV1.InspectResponse {
    var response = TallystickTestingV1.InspectResponse()
    response.metadata = context.metadata.map { pair in
      var message = TallystickTestingV1.MetadataPair()
      message.key = pair.key
      message.value = pair.value
      return message
    }
    if let deadline = context.deadlineNanoseconds {
      let now = context.nowNanoseconds
      response.timeoutNanos = deadline > now ? Int64(clamping: deadline - now) : 0
    }
    response.uid = context.peer.uid
    response.gid = context.peer.gid
    response.pid = context.peer.pid
    return response
  }
}
