// Checks of a request's fields that need nothing but the request.
//
// Invariants:
// 1. TallyMessages has checked that texts are UTF-8 without NUL; presence and length are checked here.

internal import TallyCore
internal import TallyMessages

/// Where a field stands in its request: empty, or `items[3].` inside a batch.
struct FieldPath {
  var prefix = ""

  func callAsFunction(_ name: String) -> String { prefix + name }
}

enum Fields {
  static func required(_ text: String, _ field: String, atMost limit: Int) throws(Refusal) {
    if text.isEmpty { throw invalidField(field, "must not be empty") }
    try optional(text, field, atMost: limit)
  }

  /// - Returns: the id.
  static func userId(_ userId: String) throws(Refusal) -> String {
    try required(userId, "user_id", atMost: Limits.userIdByteCount)
    return userId
  }

  static func optional(_ text: String, _ field: String, atMost limit: Int) throws(Refusal) {
    if text.utf8.count > limit {
      throw invalidField(field, "has \(text.utf8.count) bytes; the limit is \(limit)", limit: Int64(limit))
    }
  }

  /// Greater than zero and within the limit.
  static func amount(_ amountMicros: Int64, _ field: String) throws(Refusal) {
    if amountMicros <= 0 { throw invalidAmount(field, "must be greater than zero") }
    try magnitude(amountMicros, field)
  }

  static func magnitude(_ amountMicros: Int64, _ field: String) throws(Refusal) {
    if amountMicros.magnitude > Limits.amountMicros.magnitude {
      throw invalidAmount(
        field, "is beyond the limit of \(Limits.amountMicros)", limit: Limits.amountMicros)
    }
  }

  static func time(_ micros: Int64?, _ field: String) throws(Refusal) {
    guard let micros else { return }
    if micros <= 0 || micros > Limits.timeMicros {
      throw invalidField(
        field, "must be from 1 to \(Limits.timeMicros) microseconds since the epoch", limit: Limits.timeMicros
      )
    }
  }

  static func ttl(_ millis: Int64, _ field: String) throws(Refusal) {
    if millis < 1 || millis > Limits.holdTtlMillis {
      throw invalidField(
        field, "must be from 1 to \(Limits.holdTtlMillis) milliseconds", limit: Limits.holdTtlMillis)
    }
  }

  static func priority(_ priority: Int32, _ field: String) throws(Refusal) {
    if priority < 1 || priority > Limits.lotPriority {
      throw invalidField(field, "must be from 1 to \(Limits.lotPriority)", limit: Int64(Limits.lotPriority))
    }
  }

  /// Of a run; zero is for the caller to say.
  static func attempt(_ attempt: Int32) throws(Refusal) {
    if attempt < 0 { throw invalidField("attempt", "must not be negative") }
  }

  /// A batch's or list's number of elements.
  static func count(_ count: Int, _ field: String, atMost limit: Int) throws(Refusal) {
    if count == 0 { throw invalidField(field, "must not be empty") }
    try elements(count, field, atMost: limit)
  }

  /// A number of elements that may be zero.
  static func elements(_ count: Int, _ field: String, atMost limit: Int) throws(Refusal) {
    if count > limit {
      throw Refusal(
        .batchTooLarge, "\(field) has \(count) elements; the limit is \(limit)",
        details: ["field": field, "limit": String(limit)])
    }
  }

  /// Refuses a request about many users whose reply might not fit, before anything is read.
  /// - Parameter byteCount: the most that a user's part of the reply may have beside its id.
  static func reply(
    to userIds: [String], _ field: String, each byteCount: Int, atMost limit: Int
  ) throws(Refusal) {
    // Most requests are so small that their ids need not be added up.
    if limit >= userIds.count * (byteCount + Limits.userIdByteCount) + 64 { return }
    let total = userIds.reduce(64) { $0 + $1.utf8.count + byteCount }
    if total > limit {
      throw Refusal(
        .batchTooLarge, "the reply could have \(total) bytes; the limit is \(limit)",
        details: ["field": field, "limit": String(limit)])
    }
  }

  /// A page's number of rows; zero asks for the default.
  static func pageSize(_ limit: Int32) throws(Refusal) -> Int {
    if limit < 0 || limit > Limits.pageRowCount {
      throw invalidField(
        "limit", "must be from 0 to \(Limits.pageRowCount)", limit: Int64(Limits.pageRowCount))
    }
    return limit == 0 ? Limits.defaultPageRowCount : Int(limit)
  }

  /// Description and metadata, checked; the entries are sorted by key, as digests need them.
  static func text(_ description: String, _ metadata: [String: String], _ path: FieldPath) throws(Refusal)
    -> FreeText
  {
    try optional(description, path("description"), atMost: Limits.descriptionByteCount)
    return FreeText(description: description, metadata: try entries(metadata, path))
  }

  static func entries(_ metadata: [String: String], _ path: FieldPath) throws(Refusal) -> [MetadataEntry] {
    if metadata.isEmpty { return [] }
    if metadata.count > Limits.metadataEntryCount {
      throw invalidField(
        path("metadata"), "has \(metadata.count) entries; the limit is \(Limits.metadataEntryCount)",
        limit: Int64(Limits.metadataEntryCount))
    }
    var entries: [MetadataEntry] = []
    entries.reserveCapacity(metadata.count)
    for (key, value) in metadata {
      try required(key, path("metadata.key"), atMost: Limits.metadataKeyByteCount)
      try optional(value, path("metadata.value"), atMost: Limits.metadataValueByteCount)
      entries.append(MetadataEntry(key: key, value: value))
    }
    entries.sort { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }
    return entries
  }

  static func idempotency(
    _ key: String, _ path: FieldPath, digest: @autoclosure () -> Digest
  ) throws(Refusal) -> Idempotency {
    try required(key, path("idempotency_key"), atMost: Limits.idempotencyKeyByteCount)
    return Idempotency(key: key, digest: digest())
  }
}
