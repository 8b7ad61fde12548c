// The methods of a server and their handlers.
//
// Invariants:
// 1. It does not change once a server has it, so any thread may look things up.
// 2. A look-up compares bytes and allocates nothing.

/// What answers a method's calls.
public enum MethodHandler: Sendable {
  /// One request, one response. The handler is called on the connection's queue and must not block. It
  /// answers through the responder, now or later, from any thread, exactly once: a second answer is dropped,
  /// and a call whose responder is released without an answer is answered INTERNAL.
  case unary(@Sendable (CallContext, [UInt8], UnaryResponder) -> Void)
  /// The three streaming kinds, each call in a task of its own. Returning ends the call well; throwing a
  /// `Status` ends it with that, anything else with INTERNAL. Of a client stream the one message sent
  /// is the response. `.unary` as the kind is served like a server stream of one message.
  case streaming(MethodKind, StreamHandler)
  /// A client stream of any length, whose handler waits for something that is slower than the peer, a disk
  /// say. While it is behind, its connection is not read, whatever else is on it, so that the peer waits and
  /// nothing is lost.
  case bulk(StreamHandler)

  public typealias StreamHandler =
    @Sendable (CallContext, MessageStream, MessageSink) async throws -> Void

  /// How many messages the method takes and gives.
  public var kind: MethodKind {
    switch self {
    case .unary: .unary
    case .streaming(let kind, _): kind == .unary ? .serverStream : kind
    case .bulk: .clientStream
    }
  }
}

/// A method as the look-up finds it.
final class MethodEntry: Sendable {
  let service: String
  let method: String
  let kind: MethodKind
  let handler: MethodHandler
  let observer: (any MethodObserver)?
  private let serviceBytes: [UInt8]
  private let methodBytes: [UInt8]

  init(service: String, method: String, handler: MethodHandler, observer: (any MethodObserver)? = nil) {
    self.service = service
    self.method = method
    self.kind = handler.kind
    self.handler = handler
    self.observer = observer
    serviceBytes = [UInt8](service.utf8)
    methodBytes = [UInt8](method.utf8)
  }

  var hash: Int {
    let (service, method) = (serviceBytes, methodBytes)
    return MethodEntry.hash(service.span, method.span)
  }

  func matches(_ service: Span<UInt8>, _ method: Span<UInt8>) -> Bool {
    let (ownService, ownMethod) = (serviceBytes, methodBytes)
    return MethodEntry.equal(ownMethod.span, method) && MethodEntry.equal(ownService.span, service)
  }

  /// A cheap hash is enough: the set is small and fixed, and no peer chooses its names, which differ in
  /// length or near their ends.
  static func hash(_ service: Span<UInt8>, _ method: Span<UInt8>) -> Int {
    var hash = service.count &* 31 &+ method.count
    for index in max(0, method.count - 8)..<method.count {
      hash = hash &* 31 &+ Int(method[index])
    }
    return hash & Int.max
  }

  private static func equal(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    if left.count != right.count { return false }
    for index in left.indices where left[index] != right[index] { return false }
    return true
  }
}

/// The services of a server.
public struct ServiceRegistry: Sendable {
  private var services: [String: [String: MethodHandler]] = [:]

  public init() {}

  /// Adds a service, or methods to a service that is there; a method of the same name is replaced.
  public mutating func add(service: String, methods: [String: MethodHandler]) {
    services[service, default: [:]].merge(methods) { _, new in new }
  }

  func table(
    observer: (_ service: String, _ method: String) -> (any MethodObserver)? = { _, _ in nil }
  ) -> MethodTable {
    var entries: [MethodEntry] = []
    for (service, methods) in services {
      for (method, handler) in methods {
        entries.append(
          MethodEntry(
            service: service, method: method, handler: handler, observer: observer(service, method)))
      }
    }
    return MethodTable(entries, serviceNames: Set(services.keys))
  }
}

/// The registry, ordered for look-ups by bytes.
struct MethodTable: Sendable {
  private let buckets: [[MethodEntry]]
  private let serviceNames: Set<String>

  init(_ entries: [MethodEntry], serviceNames: Set<String>) {
    var count = 16
    while count < entries.count * 2 { count *= 2 }
    var buckets = [[MethodEntry]](repeating: [], count: count)
    for entry in entries { buckets[entry.hash & (count - 1)].append(entry) }
    self.buckets = buckets
    self.serviceNames = serviceNames
  }

  func find(_ service: Span<UInt8>, _ method: Span<UInt8>) -> MethodEntry? {
    let bucket = MethodEntry.hash(service, method) & (buckets.count - 1)
    for entry in buckets[bucket] where entry.matches(service, method) { return entry }
    return nil
  }

  /// Why a look-up found nothing: UNIMPLEMENTED that names which, or INVALID_ARGUMENT for no text.
  func absence(
    _ bytes: Span<UInt8>, service: Range<Int>, method: Range<Int>
  ) -> (kind: ServerFailure.Kind, status: Status) {
    do {
      let service = try text(bytes, service, "service")
      let method = try text(bytes, method, "method")
      return serviceNames.contains(service)
        ? (
          .unknownMethod, Status(.unimplemented, "method \(short(method)) of service \(service) is not known")
        )
        : (.unknownService, Status(.unimplemented, "service \(short(service)) is not known"))
    } catch {
      return (.malformedRequest, Status(.invalidArgument, "malformed request: \(error.reason)"))
    }
  }

  /// Longest name that an error repeats, in characters.
  static let echoedCharacterCount = 200

  private func short(_ name: String) -> String {
    name.count <= Self.echoedCharacterCount ? name : "\(name.prefix(Self.echoedCharacterCount))..."
  }
}
