// Finds the value of a setting: a flag, else the environment, else the configuration file, else the
// default.
//
// Invariants:
// 1. One name a setting: `max-in-flight` is `--max-in-flight`, `TALLY_MAX_IN_FLIGHT` and
//    `max-in-flight = ...` in the file.
// 2. An invalid value is an error that names its source; none is ignored.
// 3. Sources do not mix: a list given by flags replaces the file's.

internal import TallyProtoJSON

/// What a setting accepts.
enum SettingKind: Equatable {
  case text
  case flag
  /// May be given several times; in the environment, values are separated by commas.
  case list
  case integer(ClosedRange<Int64>, unit: String)
  case choice([String])
}

struct Setting: Equatable {
  var name: String
  var kind: SettingKind

  var variable: String {
    "TALLY_" + name.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
  }
}

struct Settings {
  private let flags: [String: [String]]
  private let environment: (String) -> String?
  private let file: ConfigurationFile?

  init(
    flags: [String: [String]], environment: @escaping (String) -> String?, file: ConfigurationFile?
  ) {
    self.flags = flags
    self.environment = environment
    self.file = file
  }

  /// A value and where it was found.
  struct Found: Equatable {
    var values: [String]
    var origin: String
    var status: ExitStatus
  }

  func find(_ setting: Setting) -> Found? {
    if let values = flags[setting.name], !values.isEmpty {
      return Found(values: values, origin: "--\(setting.name)", status: .usage)
    }
    if let value = environment(setting.variable), !value.isEmpty {
      let values = setting.kind == .list ? value.split(separator: ",").map(String.init) : [value]
      return Found(values: values, origin: setting.variable, status: .configuration)
    }
    if let file, let values = file.values[setting.name] {
      return Found(values: values, origin: "\(setting.name) in \(file.path)", status: .configuration)
    }
    return nil
  }

  func text(_ setting: Setting) -> String? { find(setting)?.values.last }

  func list(_ setting: Setting) -> Found? { find(setting) }

  func flag(_ setting: Setting) throws(Failure) -> Bool {
    guard let found = find(setting), let value = found.values.last else { return false }
    switch value {
    case "true", "yes", "1", "on": return true
    case "false", "no", "0", "off": return false
    default: throw Failure(found.status, "\(found.origin): \(JSON.quoted(value)) is not true or false")
    }
  }

  func integer(_ setting: Setting) throws(Failure) -> Int64? {
    guard let found = find(setting), let value = found.values.last,
      case .integer(let range, let unit) = setting.kind
    else { return nil }
    if let number = Int64(value), range.contains(number) { return number }
    let bounds = "\(range.lowerBound) to \(range.upperBound)"
    throw Failure(
      found.status, "\(found.origin): \(JSON.quoted(value)) is not a number of \(unit) from \(bounds)")
  }

  func choice(_ setting: Setting) throws(Failure) -> String? {
    guard let found = find(setting), let value = found.values.last,
      case .choice(let choices) = setting.kind
    else { return nil }
    if choices.contains(value) { return value }
    let names = choices.joined(separator: ", ")
    throw Failure(found.status, "\(found.origin): \(JSON.quoted(value)) is not one of \(names)")
  }
}

/// One `name = value` on each line; `#` begins a comment; blank lines are ignored.
struct ConfigurationFile: Equatable {
  var path: String
  var values: [String: [String]]

  static let maximumByteCount = 65_536

  /// - Parameter known: the settings that may stand in the file.
  init(path: String, text: String, known: [Setting]) throws(Failure) {
    self.path = path
    values = [:]
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let content = Self.trimmed(line.prefix { $0 != "#" })
      if content.isEmpty { continue }
      let place = "\(path):\(index + 1)"
      guard let equals = content.firstIndex(of: "=") else {
        throw Failure(.configuration, "\(place): expected `name = value`")
      }
      let name = String(Self.trimmed(content[..<equals]))
      let value = String(Self.trimmed(content[content.index(after: equals)...]))
      guard let setting = known.first(where: { $0.name == name }) else {
        throw Failure(.configuration, "\(place): unknown setting \(JSON.quoted(name))")
      }
      guard !value.isEmpty else { throw Failure(.configuration, "\(place): \(name) has no value") }
      guard values[name] == nil || setting.kind == .list else {
        throw Failure(.configuration, "\(place): \(name) is given twice")
      }
      values[name, default: []].append(value)
    }
  }

  static func read(_ path: String, known: [Setting]) throws(Failure) -> ConfigurationFile {
    let found: String?
    do throws(SystemError) { found = try System.text(ofFile: path, limit: maximumByteCount) } catch {
      throw Failure(.configuration, error.description)
    }
    guard let text = found else { throw Failure(.configuration, "there is no file \(path)") }
    return try ConfigurationFile(path: path, text: text, known: known)
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var rest = text
    while let last = rest.last, last.isWhitespace { rest = rest.dropLast() }
    return rest.drop { $0.isWhitespace }
  }
}
