// Makes calls and takes down what became of them.
//
// Owner: one caller.

package import TallyClient
internal import TallyLocking
package import TallyMessages

/// A call that is about to be made.
package struct Outgoing: Sendable {
  package var service: String
  package var method: String
  package var request: [UInt8]
  /// Of a batch, how many items it has.
  package var operations = 1
  /// Told the reply.
  var learn: @Sendable ([UInt8]) -> Void = { _ in }

  package init<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, _ request: Request, operations: Int = 1,
    learn: (@Sendable (Response) -> Void)? = nil
  ) {
    (service, method, self.request) = (rpc.service, rpc.method, request.encode())
    self.operations = operations
    guard let learn else { return }
    self.learn = { bytes in if let reply = try? Response.decode(bytes) { learn(reply) } }
  }

  package init(again record: CallRecord) {
    let names = record.method.split(separator: "/").map(String.init)
    (service, method, request) = (names[0], names[1], record.request)
  }
}

package struct Recorder {
  package let name: String
  private let client: TallyClient
  package private(set) var records: [CallRecord] = []
  /// Refusals by their reason, and what was answered.
  package private(set) var counts: [String: Int] = [:]
  package private(set) var operations = 0
  private let keepsRecords: Bool

  package init(name: String, client: TallyClient, keepsRecords: Bool = true) {
    (self.name, self.client, self.keepsRecords) = (name, client, keepsRecords)
  }

  /// - Returns: false when the server is gone.
  package mutating func make(_ call: Outgoing) async -> Bool {
    let began = MonotonicClock.nanoseconds
    var answer: CallRecord.Answer
    var isGone = false
    do {
      let reply = try await client.call(service: call.service, method: call.method, payload: call.request)
      call.learn(reply)
      answer = .reply(reply)
      counts["answered", default: 0] += 1
    } catch {
      counts[error.reason, default: 0] += 1
      answer = error.outcome == .unknown ? .unknown : .refused(reason: error.reason, details: error.details)
      isGone = error.outcome == .unknown || ["NOT_CONNECTED", "SHUTTING_DOWN"].contains(error.reason)
      if isGone, error.outcome != .unknown { return false }
    }
    operations += call.operations
    if keepsRecords {
      records.append(
        CallRecord(
          caller: name, method: "\(call.service)/\(call.method)", request: call.request,
          beganNanoseconds: began, endedNanoseconds: MonotonicClock.nanoseconds, answer: answer))
    }
    return !isGone
  }
}
