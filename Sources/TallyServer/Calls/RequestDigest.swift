// What an idempotency key was used for: the SHA-256 of a method and its request.
//
// Invariants:
// 1. Equal requests have equal digests whatever library encoded them: the digest is over our own
//    encoding (fields in order, map entries sorted), not over the bytes on the wire.
// 2. An item of a batch has the digest of the same request sent alone, so either may retry the other.

internal import Crypto
internal import TallyCore
internal import TallyMessages

extension RPC {
  /// `tallystick.v1.CreditService/Consume`.
  var name: String { "\(service)/\(method)" }
}

enum RequestDigest {
  /// - Parameter method: the name of its RPC.
  static func make(method: String, _ request: some Message) -> TallyCore.Digest {
    var hasher = SHA256()
    var bytes = Array(method.utf8)
    bytes.append(0)
    bytes.append(contentsOf: request.encode())
    hasher.update(data: bytes)
    return TallyCore.Digest(bytes: Array(hasher.finalize()))
  }
}
