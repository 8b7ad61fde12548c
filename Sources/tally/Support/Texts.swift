// Replies as text for people. Each group of commands adds its own in an extension.

internal import TallyProtoJSON

enum Texts {
  static func facts(_ rows: [(String, String)]) -> String {
    let width = rows.map { $0.0.count }.max() ?? 0
    return rows.map { name, value in
      "\(name)\(String(repeating: " ", count: width - name.count))  "
        + JSON.plain(value) + "\n"
    }.joined()
  }

  /// A list of facts; empty values are left out.
  static func present(_ rows: [(String, String)]) -> String { facts(rows.filter { !$0.1.isEmpty }) }

  static func count(_ value: Int64) -> String {
    (value < 0 ? "-" : "") + Dollars.grouped(value.magnitude)
  }

  static func more(_ cursor: String) -> String { cursor.isEmpty ? "" : "more with --cursor \(cursor)\n" }
}
