// The words of a ledger script: how a line is split, and how amounts, times and lots are spelled.
// The grammar is in proto/vectors/ledger/README.md.
//
// Invariants:
// 1. What the grammar does not know is an error with the line's number, never skipped.

import FoundationEssentials
import TallyCore
internal import TallySQLiteStore

struct ScriptError: Error, CustomStringConvertible {
  var line: Int
  var message: String

  var description: String { "line \(line): \(message)" }
}

/// One line's words: what stands alone, in order, and what is named.
struct Words {
  let line: Int
  private(set) var plain: [String] = []
  private(set) var named: [String: String] = [:]

  init(_ text: Substring, line: Int) throws {
    self.line = line
    for word in try Self.split(text, line: line) {
      guard let name = word.name else {
        plain.append(word.value)
        continue
      }
      guard named.updateValue(word.value, forKey: name) == nil else {
        throw ScriptError(line: line, message: "\(name) is given twice")
      }
    }
  }

  mutating func next(_ what: String) throws -> String {
    guard let first = plain.first else { throw ScriptError(line: line, message: "\(what) is missing") }
    plain.removeFirst()
    return first
  }

  mutating func take(_ name: String) -> String? { named.removeValue(forKey: name) }

  func finish() throws {
    guard plain.isEmpty, named.isEmpty else {
      throw ScriptError(line: line, message: "not understood: \(plain) \(named)")
    }
  }

  /// Splits at spaces. A value may be a JSON string, and then hold spaces.
  private static func split(_ text: Substring, line: Int) throws -> [(name: String?, value: String)] {
    var words: [(name: String?, value: String)] = []
    var rest = text.drop { $0 == " " }
    while let first = rest.first {
      var name: String?
      let mark = rest.firstIndex { $0 == "=" || $0 == " " || $0 == "\"" }
      if first != "\"", let mark, rest[mark] == "=" {
        name = String(rest[..<mark])
        rest = rest[rest.index(after: mark)...]
      }
      let end = try endOfWord(rest, line: line)
      words.append((name, try unquoted(rest[..<end], line: line)))
      rest = rest[end...].drop { $0 == " " }
    }
    return words
  }

  private static func endOfWord(_ text: Substring, line: Int) throws -> Substring.Index {
    guard text.first == "\"" else { return text.firstIndex(of: " ") ?? text.endIndex }
    var isEscaped = false
    for index in text.indices.dropFirst() {
      if isEscaped {
        isEscaped = false
      } else if text[index] == "\\" {
        isEscaped = true
      } else if text[index] == "\"" {
        return text.index(after: index)
      }
    }
    throw ScriptError(line: line, message: "a quotation mark is not closed")
  }

  private static func unquoted(_ word: Substring, line: Int) throws -> String {
    guard word.first == "\"" else { return String(word) }
    do {
      return try JSONDecoder().decode(String.self, from: Data(word.utf8))
    } catch {
      throw ScriptError(line: line, message: "\(word) is not a JSON string")
    }
  }
}

/// Spells and reads values.
enum Spelling {
  /// An amount or a number; underscores may group digits.
  static func number(_ text: String) -> Int64? {
    let digits = text.filter { $0 != "_" }
    return Int64(digits.hasPrefix("+") ? String(digits.dropFirst()) : digits)
  }

  private static let unitMicros: [(suffix: String, micros: Int64)] = [
    ("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000),
    ("d", 86_400_000_000),
  ]

  /// `15m`: microseconds.
  static func duration(_ text: String) -> Int64? {
    guard let unit = unitMicros.first(where: { text.hasSuffix($0.suffix) }),
      let count = number(String(text.dropLast(unit.suffix.count)))
    else { return nil }
    let (micros, overflow) = count.multipliedReportingOverflow(by: unit.micros)
    return overflow ? nil : micros
  }

  /// RFC 3339, or `+15m` and `-15m` from the script's now.
  static func time(_ text: String, nowMicros: Int64) -> Int64? {
    if text.hasPrefix("+") { return duration(String(text.dropFirst())).map { nowMicros + $0 } }
    if text.hasPrefix("-") { return duration(String(text.dropFirst())).map { nowMicros - $0 } }
    return try? PeriodName(parsing: text).period(in: .utc).startMicros
  }

  /// `3:500,7:20` or `none`.
  static func lots(_ text: String) -> [LotAllocation]? {
    if text == "none" { return [] }
    let lots = text.split(separator: ",").map { part -> LotAllocation? in
      let halves = part.split(separator: ":").map { number(String($0)) }
      guard halves.count == 2, let id = halves[0], let amount = halves[1] else { return nil }
      return LotAllocation(lotId: id, amountMicros: amount)
    }
    return lots.contains(nil) ? nil : lots.compactMap(\.self)
  }

  /// `a:1,b:2` or `none`.
  static func metadata(_ text: String) -> [MetadataEntry]? {
    if text == "none" { return [] }
    let entries = text.split(separator: ",").map { part -> MetadataEntry? in
      let halves = part.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard halves.count == 2 else { return nil }
      return MetadataEntry(key: String(halves[0]), value: String(halves[1]))
    }
    return entries.contains(nil) ? nil : entries.compactMap(\.self)
  }

  static let typeNames: [TransactionType: String] = [
    .opening: "opening", .purchase: "purchase", .planGrant: "plan_grant", .promoGrant: "promo_grant",
    .adjustment: "adjustment", .apiUsage: "api_usage", .refund: "refund", .reversal: "reversal",
    .expiry: "expiry", .void: "void", .hold: "hold", .holdExtend: "hold_extend",
    .holdRelease: "hold_release", .reinstatement: "reinstatement", .rollover: "rollover",
    .owedPayment: "owed_payment", .owed: "owed", .owedForgiven: "owed_forgiven",
  ]

  static let onShortNames: [OnShort: String] = [
    .forgive: "FORGIVE", .collect: "COLLECT", .block: "BLOCK",
  ]

  static let stateNames: [HoldState: String] = [
    .open: "OPEN", .captured: "CAPTURED", .released: "RELEASED", .expired: "EXPIRED",
  ]
}

/// A value that a script can expect.
enum Value: CustomStringConvertible {
  case number(Int64)
  case text(String)
  case time(Int64?)
  case lots([LotAllocation])
  case metadata([MetadataEntry])
  case expiry(Balance.Expiry?)

  /// - Returns: nil when the expected text is not spelled as such a value is.
  func equals(_ expected: String, nowMicros: Int64) -> Bool? {
    switch self {
    case .number(let actual): return Spelling.number(expected).map { $0 == actual }
    case .text(let actual):
      return expected == "none" ? actual.isEmpty : Array(expected.utf8) == Array(actual.utf8)
    case .time(let actual):
      if expected == "none" { return actual == nil }
      return Spelling.time(expected, nowMicros: nowMicros).map { $0 == actual }
    case .lots(let actual): return Spelling.lots(expected).map { $0 == actual }
    case .metadata(let actual): return Spelling.metadata(expected).map { $0 == actual }
    case .expiry(let actual):
      if expected == "none" { return actual == nil }
      let halves = expected.split(separator: "@").map(String.init)
      guard halves.count == 2, let amount = Spelling.number(halves[0]),
        let at = Spelling.time(halves[1], nowMicros: nowMicros)
      else { return nil }
      return actual == Balance.Expiry(atMicros: at, amountMicros: amount)
    }
  }

  var description: String {
    switch self {
    case .number(let actual): String(actual)
    case .text(let actual): actual.isEmpty ? "none" : actual
    case .time(let actual): actual.map { "\($0) us" } ?? "none"
    case .lots(let actual):
      actual.isEmpty ? "none" : actual.map { "\($0.lotId):\($0.amountMicros)" }.joined(separator: ",")
    case .metadata(let actual):
      actual.isEmpty ? "none" : actual.map { "\($0.key):\($0.value)" }.joined(separator: ",")
    case .expiry(let actual): actual.map { "\($0.amountMicros)@\($0.atMicros) us" } ?? "none"
    }
  }
}
