// SHA-256, for the ledger's chain and the requests' digests.
//
// Invariants:
// 1. No pointer leaves this file.
//
// Pure functions, owned by nobody.

internal import CDigest

public enum SHA256 {
  /// Bytes of a digest.
  public static let byteCount = 32

  /// The digest of all the bytes.
  public static func hash(_ bytes: [UInt8]) -> [UInt8] {
    unsafe hash(bytes, with: cdigest_sha256)
  }

  /// The same without the processor's SHA instructions; what the tests compare with.
  static func portableHash(_ bytes: [UInt8]) -> [UInt8] {
    unsafe hash(bytes, with: cdigest_sha256_portable)
  }

  private typealias Function =
    @convention(c) (
      UnsafeRawPointer?, Int, UnsafeMutablePointer<UInt8>?
    ) -> Void

  private static func hash(_ bytes: [UInt8], with function: Function) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { digest, count in
      unsafe bytes.withUnsafeBytes { unsafe function($0.baseAddress, $0.count, digest.baseAddress) }
      count = byteCount
    }
  }
}
