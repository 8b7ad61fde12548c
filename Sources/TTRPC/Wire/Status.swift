// What a call ends with: a gRPC status code, a message for people and details for programs.
//
// Invariants:
// 1. No code beyond 0 to 16 is ever sent; one that arrives is taken for `unknown`.

/// The status codes of gRPC, by their numbers on the wire.
public enum StatusCode: Int32, Sendable, CaseIterable {
  /// The call succeeded.
  case ok = 0
  /// The caller gave the call up.
  case cancelled
  /// A failure that says no more about itself.
  case unknown
  /// The request is wrong, whatever the state of the server.
  case invalidArgument
  /// The deadline passed first.
  case deadlineExceeded
  /// What the request names does not exist.
  case notFound
  /// What the request would make exists.
  case alreadyExists
  /// The caller is known and may not do this.
  case permissionDenied
  /// A limit was reached.
  case resourceExhausted
  /// The state of the server does not allow it; a retry alone will not help.
  case failedPrecondition
  /// A conflict with another call.
  case aborted
  /// Beyond a range that may grow.
  case outOfRange
  /// No such service or method.
  case unimplemented
  /// A fault of the server.
  case internalError
  /// Not now; a retry may help.
  case unavailable
  /// Data is lost or damaged.
  case dataLoss
  /// The caller is not known.
  case unauthenticated
}

extension StatusCode {
  /// As gRPC spells it.
  public var wireName: String {
    switch self {
    case .ok: "OK"
    case .cancelled: "CANCELLED"
    case .unknown: "UNKNOWN"
    case .invalidArgument: "INVALID_ARGUMENT"
    case .deadlineExceeded: "DEADLINE_EXCEEDED"
    case .notFound: "NOT_FOUND"
    case .alreadyExists: "ALREADY_EXISTS"
    case .permissionDenied: "PERMISSION_DENIED"
    case .resourceExhausted: "RESOURCE_EXHAUSTED"
    case .failedPrecondition: "FAILED_PRECONDITION"
    case .aborted: "ABORTED"
    case .outOfRange: "OUT_OF_RANGE"
    case .unimplemented: "UNIMPLEMENTED"
    case .internalError: "INTERNAL"
    case .unavailable: "UNAVAILABLE"
    case .dataLoss: "DATA_LOSS"
    case .unauthenticated: "UNAUTHENTICATED"
    }
  }
}

/// One detail of a failed call, in the shape of google.protobuf.Any.
public struct StatusDetail: Sendable, Equatable {
  public var typeURL: String
  /// The encoded message.
  public var value: [UInt8]

  public init(typeURL: String, value: [UInt8]) {
    self.typeURL = typeURL
    self.value = value
  }
}

/// How a call failed.
public struct Status: Error, Sendable, Equatable {
  public var code: StatusCode
  /// For people; programs branch on the code and the details.
  public var message: String
  public var details: [StatusDetail]

  public init(_ code: StatusCode, _ message: String = "", details: [StatusDetail] = []) {
    self.code = code
    self.message = message
    self.details = details
  }
}

/// One pair of a call's metadata. Keys may repeat; their order is kept.
public struct MetadataPair: Sendable, Equatable {
  public var key: String
  public var value: String

  public init(key: String, value: String) {
    self.key = key
    self.value = value
  }
}

/// Who connected, as the kernel said when the connection was made.
public struct PeerCredentials: Sendable, Equatable {
  /// For logs only: a pid may be another process's by now, so never authorise by it.
  public var pid: Int32
  public var uid: UInt32
  public var gid: UInt32

  public init(pid: Int32, uid: UInt32, gid: UInt32) {
    self.pid = pid
    self.uid = uid
    self.gid = gid
  }
}

/// How many messages a method takes and gives.
public enum MethodKind: Sendable, Equatable {
  case unary
  case clientStream
  case serverStream
  case bidi

  /// The client may send more than the request's own message.
  var clientStreams: Bool { self == .clientStream || self == .bidi }
  /// The server answers with Data frames.
  var serverStreams: Bool { self == .serverStream || self == .bidi }
}
