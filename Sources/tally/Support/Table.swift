// A table of text in columns, for people.
//
// Values, owned by nobody.

internal import TallyProtoJSON

struct Table {
  enum Alignment {
    case left
    case right
  }

  private let columns: [(title: String, alignment: Alignment)]
  private var rows: [[String]] = []

  init(_ columns: [(title: String, alignment: Alignment)]) {
    self.columns = columns
  }

  /// - Parameter cells: one a column; control characters are shown escaped.
  mutating func add(_ cells: [String]) {
    rows.append(cells.map(JSON.plain))
  }

  /// Every line with its end; trailing space cut.
  var text: String {
    let all = [columns.map(\.title)] + rows
    let widths = columns.indices.map { column in all.map { Self.width($0[column]) }.max() ?? 0 }
    return all.map { row in
      let cells = columns.indices.map { column in
        let space = String(repeating: " ", count: widths[column] - Self.width(row[column]))
        return columns[column].alignment == .left ? row[column] + space : space + row[column]
      }
      let line = cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
    }.joined()
  }

  private static func width(_ text: String) -> Int { text.count }
}
