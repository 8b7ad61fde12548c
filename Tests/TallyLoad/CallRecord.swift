// A call as its caller saw it, in a form that goes from one process to another.
//
// Invariants:
// 1. What was encoded is decoded as it was; a file that ends in the midst of a record has lost that record
//    only.
//
// Values.

package struct CallRecord: Sendable {
  package enum Answer: Sendable {
    case reply([UInt8])
    case refused(reason: String, details: [String: String])
    /// The call may have been carried out.
    case unknown
  }

  package var caller: String
  /// `tallystick.v1.CreditService/Consume`.
  package var method: String
  package var request: [UInt8]
  /// On the monotonic clock, which all processes of a machine share.
  package var beganNanoseconds: UInt64
  package var endedNanoseconds: UInt64
  package var answer: Answer

  package init(
    caller: String, method: String, request: [UInt8], beganNanoseconds: UInt64, endedNanoseconds: UInt64,
    answer: Answer
  ) {
    self.caller = caller
    self.method = method
    self.request = request
    self.beganNanoseconds = beganNanoseconds
    self.endedNanoseconds = endedNanoseconds
    self.answer = answer
  }

  package func append(to bytes: inout [UInt8]) {
    var fields = [Array(caller.utf8), Array(method.utf8), request]
    for number in [beganNanoseconds, endedNanoseconds] {
      fields.append((0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) })
    }
    switch answer {
    case .reply(let reply): fields.append([0] + reply)
    case .refused(let reason, let details):
      let texts = [reason] + details.flatMap { [$0.key, $0.value] }
      fields.append([1] + Array(texts.joined(separator: "\0").utf8))
    case .unknown: fields.append([2])
    }
    for field in fields {
      for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: field.count >> shift)) }
      bytes += field
    }
  }

  package static func all(in bytes: [UInt8]) -> [CallRecord] {
    var records: [CallRecord] = []
    var rest = bytes[...]
    func field() -> ArraySlice<UInt8>? {
      guard rest.count >= 4 else { return nil }
      let count = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
      guard rest.count >= 4 + count else { return nil }
      defer { rest = rest.dropFirst(4 + count) }
      return rest.dropFirst(4).prefix(count)
    }
    func number(_ field: ArraySlice<UInt8>) -> UInt64 { field.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    while let caller = field(), let method = field(), let request = field(), let began = field(),
      let ended = field(), let answer = field()
    {
      records.append(
        CallRecord(
          caller: String(decoding: caller, as: UTF8.self), method: String(decoding: method, as: UTF8.self),
          request: Array(request), beganNanoseconds: number(began), endedNanoseconds: number(ended),
          answer: Answer(answer)))
    }
    return records
  }
}

extension CallRecord.Answer {
  fileprivate init(_ bytes: ArraySlice<UInt8>) {
    switch bytes.first {
    case 0: self = .reply(Array(bytes.dropFirst()))
    case 1:
      let texts = bytes.dropFirst().split(separator: 0, omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
      var details: [String: String] = [:]
      for index in stride(from: 1, to: texts.count - 1, by: 2) { details[texts[index]] = texts[index + 1] }
      self = .refused(reason: texts[0], details: details)
    default: self = .unknown
    }
  }
}
