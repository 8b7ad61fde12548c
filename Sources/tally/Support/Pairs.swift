// Arguments of the form `key=value`.

internal import TallyProtoJSON

/// `key=value` arguments.
enum Pairs {
  /// Keys may repeat; their order is kept.
  static func list(_ texts: [String]) throws(Failure) -> [(key: String, value: String)] {
    try texts.map { text throws(Failure) in
      guard let cut = text.firstIndex(of: "="), cut > text.startIndex else {
        throw Failure(.usage, "\(JSON.quoted(text)) is not of the form key=value")
      }
      return (String(text[..<cut]), String(text[text.index(after: cut)...]))
    }
  }

  /// Each key once.
  static func parse(_ texts: [String]) throws(Failure) -> [String: String] {
    var pairs: [String: String] = [:]
    for (key, value) in try list(texts) {
      guard pairs.updateValue(value, forKey: key) == nil else {
        throw Failure(.usage, "\(key) is given twice")
      }
    }
    return pairs
  }
}
