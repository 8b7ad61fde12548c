// The two envelopes, coded by hand: what a Request frame and a Response frame hold.
//
//     Request  { string service=1; string method=2; bytes payload=3; int64 timeout_nano=4;
//                repeated KeyValue metadata=5; }        KeyValue { string key=1; string value=2; }
//     Response { Status status=1; bytes payload=2; }
//     Status   { int32 code=1; string message=2; repeated Any details=3; }
//     Any      { string type_url=1; bytes value=2; }
//
// Invariants:
// 1. They are read strictly, as Bytes.swift says. Unknown fields are skipped, a known field of another wire
//    type is refused, and of a singular field that comes twice the last one counts.
// 2. OK is sent as no status; an empty status is taken for OK.

/// A request, its parts as ranges of the frame's payload.
struct RequestEnvelope: Equatable {
  /// Pairs beyond this are refused: each costs far more memory than its bytes on the wire.
  static let maximumMetadataCount = 128

  var service = 0..<0
  var method = 0..<0
  var payload = 0..<0
  /// Zero is none; negative is past.
  var timeoutNanoseconds: Int64 = 0
  var metadata: [MetadataPair] = []

  init(_ bytes: Span<UInt8>) throws(MalformedEnvelope) {
    var cursor = WireCursor(at: 0, end: bytes.count)
    while !cursor.isAtEnd {
      let (field, type) = try cursor.tag(bytes)
      switch field {
      case 1:
        try WireCursor.expect(type, WireType.bytes, "service")
        service = try cursor.lengthDelimited(bytes)
      case 2:
        try WireCursor.expect(type, WireType.bytes, "method")
        method = try cursor.lengthDelimited(bytes)
      case 3:
        try WireCursor.expect(type, WireType.bytes, "payload")
        payload = try cursor.lengthDelimited(bytes)
      case 4:
        try WireCursor.expect(type, WireType.varint, "timeout_nano")
        timeoutNanoseconds = Int64(bitPattern: try cursor.varint(bytes))
      case 5:
        try WireCursor.expect(type, WireType.bytes, "metadata")
        let range = try cursor.lengthDelimited(bytes)
        guard metadata.count < Self.maximumMetadataCount else {
          throw MalformedEnvelope("metadata has over \(Self.maximumMetadataCount) pairs")
        }
        metadata.append(try Self.pair(bytes, range))
      default:
        try cursor.skip(type, bytes)
      }
    }
  }

  private static func pair(
    _ bytes: Span<UInt8>, _ range: Range<Int>
  ) throws(MalformedEnvelope) -> MetadataPair {
    var pair = MetadataPair(key: "", value: "")
    var cursor = WireCursor(at: range.lowerBound, end: range.upperBound)
    while !cursor.isAtEnd {
      let (field, type) = try cursor.tag(bytes)
      switch field {
      case 1:
        try WireCursor.expect(type, WireType.bytes, "metadata key")
        pair.key = try text(bytes, try cursor.lengthDelimited(bytes), "metadata key")
      case 2:
        try WireCursor.expect(type, WireType.bytes, "metadata value")
        pair.value = try text(bytes, try cursor.lengthDelimited(bytes), "metadata value")
      default:
        try cursor.skip(type, bytes)
      }
    }
    return pair
  }

  /// The bytes of a request envelope.
  static func encode(
    service: String, method: String, payload: [UInt8], timeoutNanoseconds: Int64,
    metadata: [MetadataPair]
  ) -> [UInt8] {
    let timeout = UInt64(bitPattern: timeoutNanoseconds)
    let timeoutByteCount = timeout == 0 ? 0 : 1 + varintByteCount(timeout)
    var total = fieldByteCount(service.utf8.count) + fieldByteCount(method.utf8.count)
    total += (payload.isEmpty ? 0 : fieldByteCount(payload.count)) + timeoutByteCount
    for pair in metadata { total += fieldByteCount(pairByteCount(pair)) }

    var bytes: [UInt8] = []
    bytes.reserveCapacity(total)
    bytes.append(addingCapacity: total - payload.count) { output in
      output.appendField(1, service)
      output.appendField(2, method)
      if timeout != 0 {
        output.append(UInt8(4 << 3 | WireType.varint))
        output.appendVarint(timeout)
      }
      for pair in metadata {
        output.appendFieldHead(5, count: pairByteCount(pair))
        output.appendField(1, pair.key)
        output.appendField(2, pair.value)
      }
      // Last, so that its bytes are copied once, in one piece.
      if !payload.isEmpty { output.appendFieldHead(3, count: payload.count) }
    }
    bytes.append(contentsOf: payload)
    return bytes
  }

  private static func pairByteCount(_ pair: MetadataPair) -> Int {
    fieldByteCount(pair.key.utf8.count) + fieldByteCount(pair.value.utf8.count)
  }
}

/// A response: a failure, or a payload as a range of the frame's payload.
struct ResponseEnvelope: Equatable {
  /// Details beyond this are refused.
  static let maximumDetailCount = 64

  /// Nil is success.
  var status: Status?
  var payload = 0..<0

  init(_ bytes: Span<UInt8>) throws(MalformedEnvelope) {
    var cursor = WireCursor(at: 0, end: bytes.count)
    while !cursor.isAtEnd {
      let (field, type) = try cursor.tag(bytes)
      switch field {
      case 1:
        try WireCursor.expect(type, WireType.bytes, "status")
        let decoded = try Self.status(bytes, try cursor.lengthDelimited(bytes))
        status = decoded.code == .ok ? nil : decoded
      case 2:
        try WireCursor.expect(type, WireType.bytes, "payload")
        payload = try cursor.lengthDelimited(bytes)
      default:
        try cursor.skip(type, bytes)
      }
    }
  }

  private static func status(
    _ bytes: Span<UInt8>, _ range: Range<Int>
  ) throws(MalformedEnvelope) -> Status {
    var status = Status(.ok)
    var cursor = WireCursor(at: range.lowerBound, end: range.upperBound)
    while !cursor.isAtEnd {
      let (field, type) = try cursor.tag(bytes)
      switch field {
      case 1:
        try WireCursor.expect(type, WireType.varint, "status code")
        let number = Int32(truncatingIfNeeded: try cursor.varint(bytes))
        status.code = StatusCode(rawValue: number) ?? .unknown
      case 2:
        try WireCursor.expect(type, WireType.bytes, "status message")
        status.message = try text(bytes, try cursor.lengthDelimited(bytes), "status message")
      case 3:
        try WireCursor.expect(type, WireType.bytes, "status details")
        let detail = try Self.detail(bytes, try cursor.lengthDelimited(bytes))
        guard status.details.count < Self.maximumDetailCount else {
          throw MalformedEnvelope("status has over \(Self.maximumDetailCount) details")
        }
        status.details.append(detail)
      default:
        try cursor.skip(type, bytes)
      }
    }
    return status
  }

  private static func detail(
    _ bytes: Span<UInt8>, _ range: Range<Int>
  ) throws(MalformedEnvelope) -> StatusDetail {
    var detail = StatusDetail(typeURL: "", value: [])
    var cursor = WireCursor(at: range.lowerBound, end: range.upperBound)
    while !cursor.isAtEnd {
      let (field, type) = try cursor.tag(bytes)
      switch field {
      case 1:
        try WireCursor.expect(type, WireType.bytes, "detail type")
        detail.typeURL = try text(bytes, try cursor.lengthDelimited(bytes), "detail type")
      case 2:
        try WireCursor.expect(type, WireType.bytes, "detail value")
        detail.value = [UInt8](bytes.extracting(try cursor.lengthDelimited(bytes)))
      default:
        try cursor.skip(type, bytes)
      }
    }
    return detail
  }

  /// The bytes of a failed response's envelope. A status OK cannot fail a call and goes as `unknown`.
  static func encode(_ status: Status) -> [UInt8] {
    let code = status.code == .ok ? StatusCode.unknown : status.code
    var statusByteCount = 2
    if !status.message.isEmpty { statusByteCount += fieldByteCount(status.message.utf8.count) }
    for detail in status.details { statusByteCount += fieldByteCount(detailByteCount(detail)) }
    let total = fieldByteCount(statusByteCount)

    var bytes: [UInt8] = []
    bytes.append(addingCapacity: total) { output in
      output.appendFieldHead(1, count: statusByteCount)
      output.append(UInt8(1 << 3 | WireType.varint))
      output.append(UInt8(code.rawValue))
      if !status.message.isEmpty { output.appendField(2, status.message) }
      for detail in status.details {
        output.appendFieldHead(3, count: detailByteCount(detail))
        output.appendField(1, detail.typeURL)
        output.appendFieldHead(2, count: detail.value.count)
        for byte in detail.value { output.append(byte) }
      }
    }
    return bytes
  }

  private static func detailByteCount(_ detail: StatusDetail) -> Int {
    fieldByteCount(detail.typeURL.utf8.count) + fieldByteCount(detail.value.count)
  }
}
