// The statistics of runs, drawn as text.

internal import TallyCore
internal import TallyMessages
internal import TallyProtoJSON

/// Stats as text.
struct Dashboard {
  var stats: TallystickV1.GetStatsResponse
  /// Empty: all users.
  var user: String
  /// The key of the tag that was asked for.
  var tag = ""
  var columns: Int

  /// The width if there is no terminal.
  static let defaultColumns = 80
  private static let barCells = 8...72

  /// The width of standard output.
  static var columns: Int { System.outputIsTerminal ? System.outputColumns : defaultColumns }

  var text: String {
    let totals = stats.totals ?? TallystickV1.RunTotals()
    var parts = [title + "\n", Self.totals(totals)]
    if totals.count > 0 {
      parts += [
        groups("MODEL", stats.byModel, withFailures: true), groups("TYPE", stats.byType, withFailures: true),
        groups("STATUS", stats.byStatus, withFailures: false),
      ]
      if !stats.bySpender.isEmpty { parts.append(groups("SPENDER", stats.bySpender, withFailures: true)) }
      if !stats.byTag.isEmpty { parts.append(groups(tag.uppercased(), stats.byTag, withFailures: true)) }
      parts.append(days)
    }
    if !stats.recent.isEmpty { parts.append(Texts.runs(stats.recent, withUser: user.isEmpty)) }
    return parts.joined(separator: "\n")
  }

  private var title: String {
    let whose = user.isEmpty ? "all users" : JSON.plain(user)
    let first = stats.days.first?.date ?? ""
    let last = stats.days.last?.date ?? ""
    return "Runs of \(whose), \(first) to \(last), \(stats.timeZone.isEmpty ? "UTC" : stats.timeZone)"
  }

  private static func totals(_ totals: TallystickV1.RunTotals) -> String {
    var rows = [
      ("runs", Texts.count(totals.count)), ("cost", Dollars.format(totals.costMicros)),
    ]
    if totals.providerCostMicros != 0 {
      rows.append(("providers took", Dollars.format(totals.providerCostMicros)))
      rows.append(("margin", Dollars.format(totals.marginMicros)))
    }
    rows += [
      ("failed", "\(Texts.count(totals.failed)) (\(percent(ppm: totals.errorRatePpm)))"),
      ("cancelled", Texts.count(totals.cancelled)),
      ("tokens", "\(Texts.count(totals.inputTokens)) in, \(Texts.count(totals.outputTokens)) out"),
      ("images", Texts.count(totals.images)),
    ]
    rows += totals.units.filter { ![.input, .output, .image].contains($0.unitClass) }.map { unit in
      (unit.unitClass.word, Texts.count(unit.count))
    }
    return Texts.present(rows)
  }

  private func groups(
    _ title: String, _ groups: [TallystickV1.RunGroup], withFailures: Bool
  ) -> String {
    let all = stats.totals?.count ?? 0
    // What nobody has told of is not shown as if providers took nothing.
    let withMargin = (stats.totals?.providerCostMicros ?? 0) != 0
    let rows = groups.map { group in
      let totals = group.totals ?? TallystickV1.RunTotals()
      let share = all == 0 ? 0 : Int64(min(1, max(0, Double(totals.count) / Double(all))) * 1e6)
      let name = group.name.isEmpty ? "(others)" : withFailures ? group.name : group.name.lowercased()
      return (
        [name, Texts.count(totals.count), Self.percent(ppm: share), Dollars.format(totals.costMicros)]
          + (withMargin ? [Dollars.format(totals.marginMicros)] : [])
          + (withFailures ? [Self.percent(ppm: totals.errorRatePpm)] : []), totals.count
      )
    }
    var columns: [(String, Table.Alignment)] = [
      (title, .left), ("RUNS", .right), ("SHARE", .right), ("COST", .amount),
    ]
    if withMargin { columns.append(("MARGIN", .amount)) }
    if withFailures { columns.append(("FAILED", .right)) }
    return chart(columns, rows)
  }

  private var days: String {
    let rows = stats.days.map { day in
      let totals = day.totals ?? TallystickV1.RunTotals()
      return (
        [
          day.date, Texts.count(totals.count), Dollars.format(totals.costMicros),
          Self.percent(ppm: totals.errorRatePpm),
        ], totals.count
      )
    }
    return chart([("DAY", .left), ("RUNS", .right), ("COST", .amount), ("FAILED", .right)], rows)
  }

  /// A table with a bar behind each row, as long as there is room.
  private func chart(
    _ columns: [(String, Table.Alignment)], _ rows: [(cells: [String], value: Int64)]
  ) -> String {
    var plain = Table(columns)
    for row in rows { plain.add(row.cells) }
    let width = plain.text.split(separator: "\n").map(\.count).max() ?? 0
    let room = min(max(self.columns - width - 2, Self.barCells.lowerBound), Self.barCells.upperBound)
    let most = rows.map(\.value).max() ?? 0
    var table = Table(columns + [("", .left)])
    for row in rows { table.add(row.cells + [Self.bar(row.value, of: most, cells: room)]) }
    return table.text
  }

  /// Blocks in eighths of a cell; any value above zero is visible.
  static func bar(_ value: Int64, of most: Int64, cells: Int) -> String {
    guard value > 0, most > 0 else { return "" }
    let eighths = max(1, Int(min(1, Double(value) / Double(most)) * Double(cells * 8)))
    let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    return String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
  }

  /// With one place, rounded.
  static func percent(ppm: Int64) -> String {
    let tenths = ppm.addingSaturating(500) / 1_000
    return "\(tenths / 10).\(tenths % 10)%"
  }
}
