// What every mutation may carry: the key that makes a retry happen once, and free text.

/// A SHA-256.
public struct Digest: Sendable, Equatable, Hashable {
  public var bytes: [UInt8]

  /// - Parameter bytes: 32 of them.
  public init(bytes: [UInt8]) {
    self.bytes = bytes
  }
}

/// A mutation's key and what was asked under it.
public struct Idempotency: Sendable, Equatable {
  /// 1 to 255 bytes; its scope is the user who owns the named object.
  public var key: String
  /// Over the method and the request as sent, before defaults.
  public var digest: Digest

  public init(key: String, digest: Digest) {
    self.key = key
    self.digest = digest
  }
}

/// The free text of a ledger row, which may be erased later; the chain covers its digest only.
public struct FreeText: Sendable, Equatable {
  public var description: String
  /// Sorted by key, keys unique.
  public var metadata: [MetadataEntry]

  public init(description: String = "", metadata: [MetadataEntry] = []) {
    self.description = description
    self.metadata = metadata
  }

  public var isEmpty: Bool { description.isEmpty && metadata.isEmpty }
}

public struct MetadataEntry: Sendable, Equatable, Hashable {
  public var key: String
  public var value: String

  public init(key: String, value: String) {
    self.key = key
    self.value = value
  }
}
