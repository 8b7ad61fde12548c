// Log lines for standard error, for people or as JSON.
//
// Invariants:
// 1. Each event is one line of at most `maximumByteCount` bytes: control characters are escaped, and longer
//    lines are cut.
// 2. Each line is written by one call, so that the lines of several threads do not mix.

internal import Logging
internal import TallyProtoJSON

struct LineLogHandler: LogHandler {
  static let maximumByteCount = 4_096

  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  private let format: LogFormat
  private let label: String
  private let write: @Sendable (String) -> Void

  init(
    label: String, format: LogFormat, level: Logger.Level, write: @escaping @Sendable (String) -> Void
  ) {
    self.label = label
    self.format = format
    self.write = write
    logLevel = level
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { _, given in given }
    let pairs = all.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
    write(
      Self.line(
        format, atMicros: System.nowMicros, level: "\(event.level)", label: label,
        message: "\(event.message)", pairs: pairs))
  }

  /// One line with its end.
  static func line(
    _ format: LogFormat, atMicros: Int64, level: String, label: String, message: String,
    pairs: [(String, String)]
  ) -> String {
    let time = Timestamp.format(atMicros)
    switch format {
    case .human:
      let name = level + String(repeating: " ", count: max(0, 8 - level.utf8.count))
      let rest = pairs.map { " \(escaped($0.0))=\(quotedIfNeeded($0.1))" }.joined()
      return cut("\(time) \(name) \(escaped(message))\(rest)", to: maximumByteCount - 1) + "\n"
    case .json:
      var members: [JSON.Member] = [
        .init("time", .string(time)), .init("level", .string(level)), .init("logger", .string(label)),
        .init("message", .string(cut(message, to: maximumByteCount / 8))),
      ]
      var byteCount = JSON.object(members).compact.utf8.count
      for (name, value) in pairs {
        let member = JSON.Member(name, .string(cut(value, to: maximumByteCount / 8)))
        byteCount += JSON.object([member]).compact.utf8.count
        guard byteCount < maximumByteCount else { break }
        members.append(member)
      }
      return JSON.object(members).compact + "\n"
    }
  }

  /// Escaped as in JSON, but without the quotes.
  private static func escaped(_ text: String) -> String {
    String(JSON.quoted(cut(text, to: maximumByteCount)).dropFirst().dropLast())
  }

  private static func quotedIfNeeded(_ text: String) -> String {
    let isPlain =
      !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x5C && $0 != 0x3D }
    return isPlain ? escaped(text) : JSON.quoted(cut(text, to: maximumByteCount))
  }

  /// The longest prefix of whole characters within the limit, followed by dots if it was cut.
  private static func cut(_ text: String, to limit: Int) -> String {
    guard text.utf8.count > limit else { return text }
    var kept = ""
    var byteCount = 3
    for character in text {
      byteCount += character.utf8.count
      guard byteCount <= limit else { break }
      kept.append(character)
    }
    return kept + "..."
  }
}
