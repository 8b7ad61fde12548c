// Methods as values, which a server registers and a client calls.

/// Which side of a call sends a stream of messages.
public enum RPCKind: Sendable, Equatable {
  case unary, clientStream, serverStream, bidirectional
}

/// A method of a service, with the types of its messages.
public struct RPC<Request: Message, Response: Message>: Sendable {
  /// The service's name with its package, such as `tallystick.v1.CreditService`.
  public let service: String
  /// The method's name, such as `Consume`.
  public let method: String
  public let kind: RPCKind
  private let repeats: @Sendable (Request) -> Bool
  private let fillsKeys: (@Sendable (inout Request, () -> String) -> Void)?

  /// - Parameters:
  ///   - repeatable: see `isRepeatable`.
  ///   - keys: see `fillKeys`.
  public init(
    service: String, method: String, kind: RPCKind,
    repeatable: @escaping @Sendable (Request) -> Bool = { _ in false },
    keys: (@Sendable (inout Request, () -> String) -> Void)? = nil
  ) {
    self.service = service
    self.method = method
    self.kind = kind
    repeats = repeatable
    fillsKeys = keys
  }

  /// Whether a call that may have been applied may be sent again: it reads, it carries a key, its id is its
  /// key, or it sets what it names.
  public func isRepeatable(_ request: Request) -> Bool { repeats(request) }

  /// Gives each idempotency key of the request that is empty one that `next` makes.
  public func fillKeys(_ request: inout Request, _ next: () -> String) { fillsKeys?(&request, next) }
}
