// Applies a fixture file by calling the services' own methods.
//
// Invariants:
// 1. Each item is a call of its own, with the caller, metadata and deadline of LoadFixtures, and passes every
//    check of its method. It is durable before the next one begins.
// 2. The first refusal ends the file. It keeps its reason, and its field names the item.
//
// Owner: a queue of its own, where one file is applied after the other.

internal import Dispatch
internal import TTRPC
internal import TallyCore
internal import TallyLocking
internal import TallyMessages
internal import TallyProtoJSON

final class Fixtures: Sendable {
  typealias Handler = @Sendable (CallContext, [UInt8], UnaryResponder) -> Void

  /// The handlers, by the methods' full names.
  private let handlers: [String: Handler]
  private let queue = DispatchQueue(label: "tally.fixtures")
  /// Made at the first file.
  private let file = Lock<FixtureFile?>(nil)

  /// - Parameter bound: each service's handlers.
  init(_ bound: [String: [Binding]]) {
    var handlers: [String: Handler] = [:]
    for (service, bindings) in bound {
      for (name, handler) in bindings {
        if case .unary(let answer) = handler { handlers["\(service)/\(name)"] = answer }
      }
    }
    self.handlers = handlers
  }

  private func items(_ json: String) throws(Refusal) -> [FixtureItem] {
    let file = try file.withLock { file throws(Refusal) in
      if let file { return file }
      do throws(WireError) {
        let made = try FixtureFile(methods: Set(handlers.keys))
        file = made
        return made
      } catch { throw Refusal(.corrupt, "the embedded descriptors cannot be read: \(error.message)") }
    }
    return try file.items(json)
  }

  /// Applies a file. `completion` is called once, with the number of items that were applied.
  func load(
    _ json: String, _ context: CallContext,
    completion: @escaping @Sendable (Result<Int32, Status>) -> Void
  ) {
    queue.async { completion(Result { () throws(Status) in try self.apply(json, context) }) }
  }

  private func apply(_ json: String, _ context: CallContext) throws(Status) -> Int32 {
    let items: [FixtureItem]
    do throws(Refusal) { items = try self.items(json) } catch { throw Status(error) }
    var applied: Int32 = 0
    for item in items {
      if case .failure(let status) = answer(item, context) { throw status.naming(item, applied: applied) }
      applied += 1
    }
    return applied
  }

  /// Waits for the answer to an item's call.
  private func answer(_ item: FixtureItem, _ context: CallContext) -> Result<[UInt8], Status> {
    guard let handler = handlers[item.method] else {
      return .failure(Status(ServerReason.unimplemented, "\(item.method) is not served"))
    }
    let isAnswered = DispatchSemaphore(value: 0)
    let answer = Lock<Result<[UInt8], Status>>(.success([]))
    let responder = UnaryResponder(of: context) { result in
      answer.withLock { $0 = result }
      isAnswered.signal()
    }
    handler(context, item.payload, responder)
    isAnswered.wait()
    return answer.withLock { $0 }
  }
}

extension Status {
  /// The status with a field that names the item.
  fileprivate func naming(_ item: FixtureItem, applied: Int32) -> Status {
    guard let info else { return Status(code, "\(item.place): \(message)", details: details) }
    var named = info.metadata
    named["field"] = info.metadata["field"].map { item.place(of: $0) } ?? item.place
    named["applied"] = String(applied)
    return Status(code: code, "\(item.place): \(message)", reason: info.reason, details: named)
  }
}
