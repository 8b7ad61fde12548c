// Methods as values: what a server registers and a client calls.
//
// Values, owned by nobody.

/// Which sides of a call send any number of messages.
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

  public init(service: String, method: String, kind: RPCKind) {
    self.service = service
    self.method = method
    self.kind = kind
  }
}
