// The hash chain over the ledger.
//
// Format. A row's hash is the SHA-256 over the following, without gaps. Integers are 8 bytes, big-endian,
// two's complement. A text is its byte count (an integer) and its UTF-8. An optional value is the byte 0
// when absent, or the byte 1 and the value.
//
//   "tallystick ledger 1" (19 bytes of ASCII)
//   hash of the row before (32 bytes; zeros before the first)
//   sequence, user id (text), type, amount, balance after, held after, pending after, version,
//   at, effective at, commit sequence, commit position
//   number of lot allocations, then for each: lot id, amount
//   optional key: (text key, 32 bytes of request digest)
//   optional next expiry after: (at, amount)
//   run id (text), optional payment id (text), optional plan id (text), optional period start,
//   optional hold id, hold amount, optional expires at, priority,
//   package (text), actor (text), reason (text)
//   optional text digest (32 bytes)
//
// That is format 1. Format 2 begins with "tallystick ledger 2", has
// neither actor nor reason, and after the text digest:
//
//   optional refers to, optional event id (text),
//   asked amount, short amount, owed amount, owed after,
//   spender (text), attempt, optional intent id (text),
//   optional rollover: (cap, end), optional period: (first day, day after the last)
//
// A row's free text is covered by its digest only, so that it can be erased without breaking the chain. In
// format 1: SHA-256 over "tallystick text 1" (17 bytes of ASCII), description (text), number of metadata
// entries, and for each: key (text), value (text). It is absent when there is neither description nor
// metadata. In format 2: "tallystick text 2", the same, then actor (text) and reason (text); it is absent
// when all four are.
//
// Invariants:
// 1. Every stored fact of a row is in its hash; two different rows never give the same bytes. Where a user's
//    earlier rows are (`previous`, `skip`) is not a fact of a row.

internal import Crypto

package enum Chain {
  static let hashBytes = 32
  /// What the first row's hash builds on.
  package static let origin = [UInt8](repeating: 0, count: hashBytes)

  /// Which facts a row's hash covers, and how.
  package enum Format: Sendable {
    case one, two

    /// What new rows are written in.
    package static let current = Format.two

    fileprivate var rowDomain: [UInt8] { self == .one ? Chain.rowDomain1 : Chain.rowDomain2 }
    fileprivate var textDomain: [UInt8] { self == .one ? Chain.textDomain1 : Chain.textDomain2 }
  }

  private static let rowDomain1 = Array("tallystick ledger 1".utf8)
  private static let rowDomain2 = Array("tallystick ledger 2".utf8)
  private static let textDomain1 = Array("tallystick text 1".utf8)
  private static let textDomain2 = Array("tallystick text 2".utf8)

  /// - Returns: nil for a row without free text.
  package static func textDigest(of entry: Entry, _ format: Format = .current) -> [UInt8]? {
    let isSigned = format == .two && !(entry.actor.isEmpty && entry.reason.isEmpty)
    guard !entry.text.isEmpty || isSigned else { return nil }
    var facts = Facts(domain: format.textDomain)
    facts.append(entry.text.description)
    facts.append(Int64(entry.text.metadata.count))
    for pair in entry.text.metadata {
      facts.append(pair.key)
      facts.append(pair.value)
    }
    if format == .two {
      facts.append(entry.actor)
      facts.append(entry.reason)
    }
    return facts.hash()
  }

  /// - Parameters:
  ///   - previous: the hash of the row before.
  ///   - textDigest: what `textDigest(of:)` gave when the row was written.
  package static func hash(
    of entry: Entry, previous: [UInt8], textDigest: [UInt8]?, _ format: Format = .current
  ) -> [UInt8] {
    var facts = Facts(domain: format.rowDomain)
    facts.append(raw: previous)
    facts.append(entry.sequence)
    facts.append(entry.userId)
    for number in [
      Int64(entry.type.rawValue), entry.amountMicros, entry.balanceAfterMicros, entry.heldAfterMicros,
      entry.pendingAfterMicros, entry.version, entry.atMicros, entry.effectiveAtMicros,
      entry.commit.sequence, Int64(entry.commit.position), Int64(entry.lots.count),
    ] { facts.append(number) }
    for lot in entry.lots {
      facts.append(lot.lotId)
      facts.append(lot.amountMicros)
    }
    facts.append(optional: entry.idempotency) { facts, idempotency in
      facts.append(idempotency.key)
      facts.append(raw: idempotency.digest.bytes)
    }
    facts.append(optional: entry.nextExpiryAfter) { facts, expiry in
      facts.append(expiry.atMicros)
      facts.append(expiry.amountMicros)
    }
    facts.append(entry.runId)
    facts.append(optional: entry.paymentId) { $0.append($1) }
    facts.append(optional: entry.planId) { $0.append($1) }
    facts.append(optional: entry.periodStartMicros) { $0.append($1) }
    facts.append(optional: entry.holdId) { $0.append($1) }
    facts.append(entry.holdAmountMicros)
    facts.append(optional: entry.expiresAtMicros) { $0.append($1) }
    facts.append(Int64(entry.priority))
    facts.append(entry.package)
    if format == .one {
      facts.append(entry.actor)
      facts.append(entry.reason)
    }
    facts.append(optional: textDigest) { $0.append(raw: $1) }
    if format == .two { append(secondPartOf: entry, to: &facts) }
    return facts.hash()
  }

  private static func append(secondPartOf entry: Entry, to facts: inout Facts) {
    facts.append(optional: entry.refersTo) { $0.append($1) }
    facts.append(optional: entry.eventId) { $0.append($1) }
    for number in [entry.askedMicros, entry.shortMicros, entry.owedMicros, entry.owedAfterMicros] {
      facts.append(number)
    }
    facts.append(entry.spender)
    facts.append(Int64(entry.attempt))
    facts.append(optional: entry.intentId) { $0.append($1) }
    facts.append(optional: entry.rollover) { facts, rollover in
      facts.append(rollover.capMicros)
      facts.append(rollover.endMicros)
    }
    facts.append(optional: entry.periodDays) { facts, days in
      facts.append(days.lowerBound)
      facts.append(days.upperBound)
    }
  }

  /// Bytes to be hashed, in the making.
  private struct Facts {
    private static let typicalBytes = 512
    private var bytes: [UInt8] = []

    init(domain: [UInt8]) {
      bytes.reserveCapacity(Self.typicalBytes)
      bytes.append(contentsOf: domain)
    }

    mutating func append(raw: [UInt8]) { bytes.append(contentsOf: raw) }

    mutating func append(_ value: Int64) {
      unsafe withUnsafeBytes(of: value.bigEndian) { big in unsafe bytes.append(contentsOf: big) }
    }

    mutating func append(_ text: String) {
      append(Int64(text.utf8.count))
      bytes.append(contentsOf: text.utf8)
    }

    mutating func append<Value>(optional value: Value?, _ body: (inout Facts, Value) -> Void) {
      bytes.append(value == nil ? 0 : 1)
      if let value { body(&self, value) }
    }

    func hash() -> [UInt8] {
      var hasher = SHA256()
      unsafe bytes.withUnsafeBytes { unsafe hasher.update(bufferPointer: $0) }
      return unsafe hasher.finalize().withUnsafeBytes { unsafe Array($0) }
    }
  }
}
