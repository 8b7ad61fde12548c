// A table of text in columns, for people.
//
// Invariants:
// 1. Without a width (a pipe, a file, `--wide`), all columns and cells are printed whole, with full
//    timestamps: what programs read does not depend on a terminal.
// 2. To fit into a width, times are shown to the minute, then empty columns are left out, then the least
//    important ones, and finally cells are cut. What is left out is named below the table.

internal import TallyProtoJSON

/// How wide what is printed may be.
enum Layout {
  /// nil prints everything.
  @TaskLocal static var columns: Int?
}

struct Table {
  enum Alignment {
    case left
    case right
    /// Right-aligned, with the decimal points below each other.
    case amount
    /// Left-aligned; a full timestamp, shortened to the minute if there is a width.
    case time
  }

  typealias Column = (title: String, alignment: Alignment)

  /// Cells are not cut to fewer characters than this.
  private static let leastCutWidth = 12
  private static let gap = "  "

  private let columns: [Column]
  private let optional: [String]
  private let flexible: String?
  private var rows: [[String]] = []

  /// - Parameters:
  ///   - optional: titles of columns that may be left out, the least important one first.
  ///   - flexible: the title of the column whose cells are cut before any column is left out.
  init(_ columns: [Column], optional: [String] = [], flexible: String? = nil) {
    self.columns = columns
    self.optional = optional
    self.flexible = flexible
  }

  /// - Parameter cells: one a column; control characters are shown escaped.
  mutating func add(_ cells: [String]) {
    rows.append(cells.map(JSON.plain))
  }

  var isEmpty: Bool { rows.isEmpty }

  /// All lines, without trailing spaces.
  var text: String { text(within: Layout.columns) }

  func text(within limit: Int?) -> String {
    guard let limit else { return lines(Array(columns.indices), rows) }
    let rows = rows.map { row in
      columns.indices.map { columns[$0].alignment == .time ? Timestamp.short(row[$0]) : row[$0] }
    }
    var shown = Array(columns.indices)
    var widths = columns.indices.map { width(of: $0, rows) }
    var least = widths
    if let place = columns.firstIndex(where: { $0.title == flexible }) {
      least[place] = min(least[place], max(Self.leastCutWidth, columns[place].title.count))
    }
    var left: [String] = []
    for title in departures(rows) where Self.sum(least, shown) > limit {
      guard let place = columns.firstIndex(where: { $0.title == title }), shown.contains(place) else {
        continue
      }
      shown.removeAll { $0 == place }
      left.append(title)
    }
    shrink(&widths, shown, to: limit)
    let cut = rows.map { row in columns.indices.map { Self.cut(row[$0], to: widths[$0]) } }
    let note = left.isEmpty ? "" : "not shown: \(left.joined(separator: ", ")) (--wide shows all)\n"
    return lines(shown, cut) + note
  }

  /// The titles of columns that may be left out, in the order in which they are.
  private func departures(_ rows: [[String]]) -> [String] {
    let isEmpty = { (title: String) in
      guard let place = columns.firstIndex(where: { $0.title == title }) else { return false }
      return rows.allSatisfy { ["", "-"].contains($0[place]) }
    }
    return optional.filter(isEmpty) + optional.filter { !isEmpty($0) }
  }

  /// Narrows the flexible column, then the widest column of text, until the table fits.
  private func shrink(_ widths: inout [Int], _ shown: [Int], to limit: Int) {
    let first = columns.firstIndex { $0.title == flexible }
    let texts = shown.filter { columns[$0].alignment == .left }
    while Self.sum(widths, shown) > limit {
      let candidates = texts.filter { widths[$0] > max(Self.leastCutWidth, columns[$0].title.count) }
      guard
        let place = candidates.first(where: { $0 == first })
          ?? candidates.max(by: { widths[$0] < widths[$1] })
      else { return }
      widths[place] -= 1
    }
  }

  private func lines(_ shown: [Int], _ rows: [[String]]) -> String {
    let aligned = shown.map { place in
      let cells = rows.map { $0[place] }
      return Self.align([columns[place].title] + atPoint(cells, columns[place].alignment), columns[place])
    }
    return (0...rows.count).map { line in
      Self.joined(aligned.map { $0[line] }) + "\n"
    }.joined()
  }

  private func width(of place: Int, _ rows: [[String]]) -> Int {
    let cells = atPoint(rows.map { $0[place] }, columns[place].alignment)
    return (cells + [columns[place].title]).map(\.count).max() ?? 0
  }

  /// Amounts with space behind those that have fewer places.
  private func atPoint(_ cells: [String], _ alignment: Alignment) -> [String] {
    guard alignment == .amount else { return cells }
    let places = cells.map { cell in cell.lastIndex(of: ".").map { cell[$0...].count } ?? 0 }
    let most = places.max() ?? 0
    return zip(cells, places).map { $0 + String(repeating: " ", count: most - $1) }
  }

  private static func align(_ cells: [String], _ column: Column) -> [String] {
    let width = cells.map(\.count).max() ?? 0
    return cells.map { padded($0, to: width, column) }
  }

  private static func padded(_ cell: String, to width: Int, _ column: Column) -> String {
    let space = String(repeating: " ", count: max(0, width - cell.count))
    switch column.alignment {
    case .left, .time: return cell + space
    case .right, .amount: return space + cell
    }
  }

  private static func joined(_ cells: [String]) -> String {
    let text = cells.joined(separator: gap)
    return String(text.reversed().drop { $0 == " " }.reversed())
  }

  private static func cut(_ cell: String, to width: Int) -> String {
    cell.count <= width ? cell : cell.prefix(max(1, width - 1)) + "…"
  }

  private static func sum(_ widths: [Int], _ shown: [Int]) -> Int {
    shown.reduce(0) { $0 + widths[$1] } + max(0, shown.count - 1) * gap.count
  }
}

/// Rows that come one by one, below a heading that is printed before them.
extension Table {
  /// - Parameters:
  ///   - widths: what each column has at least; a longer cell moves the rest of its line to the right.
  ///   - limit: nil for lines of any length; a longer one is cut.
  func heading(widths: [Int], within limit: Int?) -> String {
    line(columns.map(\.title), widths: widths, within: limit)
  }

  func line(_ cells: [String], widths: [Int], within limit: Int?) -> String {
    let padded = columns.indices.map { place in
      let isShort = limit != nil && columns[place].alignment == .time
      let cell = JSON.plain(cells[place])
      return Self.padded(isShort ? Timestamp.short(cell) : cell, to: widths[place], columns[place])
    }
    let text = Self.joined(padded)
    return (limit.map { Self.cut(text, to: $0) } ?? text) + "\n"
  }
}
