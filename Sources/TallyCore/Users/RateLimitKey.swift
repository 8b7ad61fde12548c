// What a stored rate limit is found by.

/// Numbers are the disk's; never reused.
package enum RateLimitKind: Int64 {
  case user = 1
  case uid = 2
  case everyUser = 3
  case everyUid = 4
}

/// One subject has one limit at most.
package struct RateLimitKey: Hashable {
  package var kind: RateLimitKind
  /// The account's id, the uid, or zero.
  package var id: Int64
}
