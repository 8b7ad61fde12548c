// System calls of sockets, with errno as a value.

internal import CTallyLinux
internal import Glibc

/// A system call failed.
public struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
  /// errno, such as ENOENT.
  public var number: Int32
  /// What was tried.
  public var operation: String

  public init(number: Int32, operation: String) {
    self.number = number
    self.operation = operation
  }

  public var description: String {
    let text = unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
    return "\(operation): \(text)"
  }
}

enum Socket {
  enum Received: Equatable {
    case bytes(Int)
    case end
    case wouldBlock
    case failed(Int32)
  }

  enum Sent: Equatable {
    case bytes(Int)
    case wouldBlock
    case failed(Int32)
  }

  static func receive(
    _ descriptor: Int32, into buffer: inout [UInt8], atMost limit: Int = .max
  ) -> Received {
    let count = unsafe buffer.withUnsafeMutableBytes {
      unsafe clinux_receive(descriptor, $0.baseAddress, min($0.count, limit))
    }
    if count > 0 { return .bytes(count) }
    if count == 0 { return .end }
    return count == -Int(EAGAIN) ? .wouldBlock : .failed(Int32(-count))
  }

  static func send(_ descriptor: Int32, _ bytes: [UInt8], from offset: Int) -> Sent {
    let count = unsafe bytes.withUnsafeBytes { buffer in
      unsafe clinux_send(
        descriptor, buffer.baseAddress.map { unsafe $0 + offset }, buffer.count - offset)
    }
    if count >= 0 { return .bytes(count) }
    return count == -Int(EAGAIN) ? .wouldBlock : .failed(Int32(-count))
  }

  static func peer(_ descriptor: Int32) -> PeerCredentials? {
    var credentials = clinux_credentials()
    guard unsafe clinux_peer_credentials(descriptor, &credentials) == 0 else { return nil }
    return PeerCredentials(pid: credentials.pid, uid: credentials.uid, gid: credentials.gid)
  }
}
