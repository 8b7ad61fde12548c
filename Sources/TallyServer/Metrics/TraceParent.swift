// The trace that a call belongs to, as its caller says in the metadata `traceparent`: the header of W3C
// Trace Context, Level 1, https://www.w3.org/TR/trace-context/#traceparent-header.
//
// Layout: version, trace id, parent id, flags: 2, 32, 16 and 2 hexadecimal digits in lower case, with
// dashes between. Version 00 ends there; a later one may go on after another dash.
//
// Invariants:
// 1. A malformed text counts as none: a trace never changes what a call does.
// 2. Only ids that were parsed reach the log, and nothing else that a caller sends.

public import TTRPC

public struct TraceParent: Sendable, Equatable {
  public static let metadataKey = "traceparent"

  public var traceId: String
  /// The id of the caller's span, which is the parent of this call.
  public var parentId: String

  private static let byteCount = 55
  private static let dashes = [2, 35, 52]
  private static let dash = UInt8(ascii: "-")
  private static let zero = UInt8(ascii: "0")

  /// nil unless the text is well formed.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count >= Self.byteCount else { return nil }
    for index in 0..<Self.byteCount {
      if Self.dashes.contains(index) {
        if bytes[index] != Self.dash { return nil }
      } else if !Self.isDigit(bytes[index]) {
        return nil
      }
    }
    let version = bytes[0..<2]
    // "ff" is no version.
    if version.allSatisfy({ $0 == UInt8(ascii: "f") }) { return nil }
    if bytes.count > Self.byteCount {
      let isFirst = version.allSatisfy { $0 == Self.zero }
      if isFirst || bytes[Self.byteCount] != Self.dash { return nil }
    }
    let trace = bytes[3..<35]
    let parent = bytes[36..<52]
    if trace.allSatisfy({ $0 == Self.zero }) || parent.allSatisfy({ $0 == Self.zero }) { return nil }
    traceId = String(decoding: trace, as: UTF8.self)
    parentId = String(decoding: parent, as: UTF8.self)
  }

  /// The trace of a call; nil when there is none, and when it is given twice.
  public init?(_ metadata: [MetadataPair]) {
    var found: String?
    for pair in metadata where pair.key.lowercased() == Self.metadataKey {
      if found != nil { return nil }
      found = pair.value
    }
    guard let found, let parsed = TraceParent(found) else { return nil }
    self = parsed
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
    default: false
    }
  }
}
