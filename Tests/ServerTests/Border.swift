// Borders of the fields of requests: what a method takes at a field's limit, and refuses one beyond it.
//
// Invariants:
// 1. Texts at their limit have letters of two bytes, so that whoever counts letters is found out.
// 2. Whatever is refused has to name the field, in the details and for people; beyond a limit the limit too.
//
// Owner: the tests.

import TTRPC
import TallyMessages
import Testing

@testable import TallyServer

/// A field's border: what is taken at its ends, and what lies beyond them.
struct Border<Request> {
  typealias Fill = (inout Request) -> Void

  var field: String
  var reason = "INVALID_FIELD"
  var limit: Int64
  /// At its ends.
  var taken: [Fill]
  /// Too little.
  var below: Fill?
  /// Too much, by one; nil when nothing is.
  var beyond: Fill?

  /// A text of that many bytes.
  static func text(byteCount: Int) -> String {
    String(repeating: "\u{e9}", count: byteCount / 2) + (byteCount % 2 == 1 ? "x" : "")
  }

  /// A text that may be empty.
  static func text(
    _ field: String, _ limit: Int, _ set: @escaping (inout Request, String) -> Void
  ) -> Self {
    Self(
      field: field, limit: Int64(limit),
      taken: [{ set(&$0, "") }, { set(&$0, text(byteCount: limit)) }],
      beyond: { set(&$0, text(byteCount: limit + 1)) })
  }

  /// A text that has to be there.
  static func required(
    _ field: String, _ limit: Int, _ set: @escaping (inout Request, String) -> Void
  ) -> Self {
    Self(
      field: field, limit: Int64(limit), taken: [{ set(&$0, text(byteCount: limit)) }],
      below: { set(&$0, "") }, beyond: { set(&$0, text(byteCount: limit + 1)) })
  }

  /// - Parameter below: a number that is too small, where that is not the one before the least: zero may
  ///   stand for a default.
  static func number(
    _ field: String, _ range: ClosedRange<Int64>, below: Int64? = nil, reason: String = "INVALID_FIELD",
    _ set: @escaping (inout Request, Int64) -> Void
  ) -> Self {
    Self(
      field: field, reason: reason, limit: range.upperBound,
      taken: [{ set(&$0, range.lowerBound) }, { set(&$0, range.upperBound) }],
      below: { set(&$0, below ?? range.lowerBound - 1) }, beyond: { set(&$0, range.upperBound + 1) })
  }

  /// An amount of micro-USD.
  static func amount(
    _ field: String, _ range: ClosedRange<Int64>, below: Int64? = nil,
    _ set: @escaping (inout Request, Int64) -> Void
  ) -> Self {
    number(field, range, below: below, reason: "INVALID_AMOUNT", set)
  }

  /// A number without a greatest.
  static func atLeast(
    _ field: String, _ least: Int64, _ set: @escaping (inout Request, Int64) -> Void
  ) -> Self {
    Self(
      field: field, limit: least, taken: [{ set(&$0, least) }], below: { set(&$0, least - 1) }, beyond: nil)
  }

  /// A list, or whatever has a number of parts.
  static func elements(
    _ field: String, _ limit: Int, reason: String = "INVALID_FIELD",
    _ set: @escaping (inout Request, Int) -> Void
  ) -> Self {
    Self(
      field: field, reason: reason, limit: Int64(limit), taken: [{ set(&$0, limit) }],
      beyond: { set(&$0, limit + 1) })
  }
}

extension LiveServer {
  /// Calls a method with each field at its border and beyond it.
  /// - Parameters:
  ///   - other: what the method answers at a border, when that is not success: fields come before it.
  ///   - valid: fills a request that is right but for what a border says.
  func expect<Request: Message, Response: Message>(
    _ borders: [Border<Request>], of rpc: RPC<Request, Response>, takenWith other: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation, _ valid: (inout Request) -> Void
  ) async throws {
    func answer(_ fill: (inout Request) -> Void) async throws -> Failed? {
      try await failure(rpc) {
        valid(&$0)
        fill(&$0)
      }
    }
    for border in borders {
      for fill in border.taken {
        let failed = try await answer(fill)
        let told = failed.map { "\($0)" } ?? "taken"
        #expect(
          failed?.reason == other, "\(rpc.method), \(border.field): \(told)", sourceLocation: sourceLocation)
      }
      for (fill, isBeyond) in [(border.below, false), (border.beyond, true)] {
        guard let fill else { continue }
        let failed = try await answer(fill)
        let place: Comment = "\(rpc.method), \(border.field): \(failed.map { "\($0)" } ?? "taken")"
        #expect(failed?.reason == border.reason, place, sourceLocation: sourceLocation)
        #expect(failed?.code == .invalidArgument, place, sourceLocation: sourceLocation)
        #expect(failed?.details["field"] == border.field, place, sourceLocation: sourceLocation)
        #expect(failed?.message.contains(border.field) == true, place, sourceLocation: sourceLocation)
        guard isBeyond else { continue }
        #expect(failed?.details["limit"] == String(border.limit), place, sourceLocation: sourceLocation)
        #expect(failed?.message.contains(String(border.limit)) == true, place, sourceLocation: sourceLocation)
      }
    }
  }
}
