// The figures as the tables of docs/BENCHMARKS.md.

struct Tables {
  var book: Book

  /// All tables that have a figure.
  func markdown() -> String {
    [
      goals(), echo(), consume("ordered"), consume("random"), hot(), others(), caps(), money(), product(),
      search(),
      clients("echo"),
      clients("consume"), footprint(),
    ]
    .compactMap { $0 }.joined(separator: "\n\n")
  }

  private static func table(_ title: String, _ head: [String], _ rows: [[String]]) -> String? {
    rows.isEmpty ? nil : "### \(title)\n\n" + lines(head, rows)
  }

  static func lines(_ head: [String], _ rows: [[String]]) -> String {
    let rule = head.map { _ in "---" }
    return ([head, rule] + rows).map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
  }

  /// `median (least to greatest)`.
  static func text(_ spread: Spread?, _ format: (Double) -> String) -> String {
    guard let spread else { return "-" }
    if spread.least == spread.greatest { return format(spread.median) }
    return "**\(format(spread.median))** (\(format(spread.least)) to \(format(spread.greatest)))"
  }

  private func goals() -> String? {
    let rows = Goal.all(book).compactMap { goal in
      goal.isMet.map { met in
        [goal.title, goal.boundText, Self.text(goal.measured, goal.text), met ? "yes" : "**no**"]
      }
    }
    return Self.table("Goals", ["goal", "asked", "measured", "met"], rows)
  }

  /// One row for each subject that was measured by any of the cases.
  private func rows(_ cases: [String], _ cells: (Subject) -> [String]) -> [[String]] {
    Subject.allCases.compactMap { subject in
      guard cases.contains(where: { book.samples[$0]?[subject] != nil }) else { return nil }
      return [subject.rawValue] + cells(subject)
    }
  }

  private func rate(_ name: String, _ subject: Subject) -> String {
    Self.text(book.spread(name, subject, \.perSecond), Format.rate)
  }

  private func p50(_ name: String, _ subject: Subject) -> String {
    Self.text(book.spread(name, subject, \.p50Micros), Format.micros)
  }

  private func p99(_ name: String, _ subject: Subject) -> String {
    Self.text(book.spread(name, subject, \.p99Micros), Format.micros)
  }

  private func echo() -> String? {
    let head = ["", "1 caller, p50 us", "1 caller, one core, p50 us", "64 callers, calls/s", "p99 us"]
    return Self.table(
      "Echo of 64 bytes", head,
      rows([Case.echoFree, Case.echoPinned, Case.echoMany]) { subject in
        [
          p50(Case.echoFree, subject), p50(Case.echoPinned, subject), rate(Case.echoMany, subject),
          p99(Case.echoMany, subject),
        ]
      })
  }

  private func consume(_ keys: String) -> String? {
    let names = Bench.callers.map { Case.consume($0, keys) }
    let head = ["", "1 caller, /s", "p50 us", "8 callers, /s", "64 callers, /s", "p99 us"]
    return Self.table(
      "Durable consume over 1,000 accounts, \(keys == "ordered" ? "time-ordered" : keys) keys", head,
      rows(names) { subject in
        [
          rate(names[0], subject), p50(names[0], subject), rate(names[1], subject),
          rate(names[2], subject), p99(names[2], subject),
        ]
      })
  }

  private func hot() -> String? {
    Self.table(
      "Durable consume, 64 callers on one account", ["", "/s", "p50 us", "p99 us"],
      rows([Case.hot]) { [rate(Case.hot, $0), p50(Case.hot, $0), p99(Case.hot, $0)] })
  }

  private func others() -> String? {
    cases("Batches, holds, runs and balances", [Case.batch, Case.hold, Case.run, Case.balance])
  }

  private func caps() -> String? {
    let lines = Case.caps.flatMap { name in
      rows([name]) { subject in
        let share = book.ratio(name, subject, to: subject, of: Case.caps[0], \.perSecond)
        return [rate(name, subject), p50(name, subject), p99(name, subject), Self.text(share, Format.ratio)]
      }
      .map { [name] + $0 }
    }
    return Self.table("What caps cost", ["", "", "/s", "p50 us", "p99 us", "of the first"], lines)
  }

  private func money() -> String? {
    let rows = Format.whole(Double(Bench.loadedRows))
    return cases(
      "Money back and the past, on a ledger of \(rows) rows and more",
      [Case.refund, Case.reverse, Case.longConsume, Case.balanceAt, Case.longBalance])
  }

  /// One row for each case and subject.
  private func cases(_ title: String, _ names: [String]) -> String? {
    let lines = names.flatMap { name in
      rows([name]) { [rate(name, $0), p50(name, $0), p99(name, $0)] }.map { [name] + $0 }
    }
    return Self.table(title, ["", "", "/s", "p50 us", "p99 us"], lines)
  }

  private func product() -> String? {
    let stats = ["large", "small"].flatMap { user in
      Dataset.zones.flatMap { zone in
        ["cold", "hot", Case.grouped].map { Case.stats(user, zone, $0) }
      }
    }
    let title =
      "Pages, statistics and users (large user: \(Format.whole(Double(book.largeRuns))) runs, small: "
      + "\(Format.whole(Double(Dataset.smallRuns)))); one caller unless said"
    return cases(
      title,
      [Case.pageMany, Case.page, Case.save] + stats
        + [Case.users(50), Case.users(100), Case.usage, Case.check, Case.spend])
  }

  private func search() -> String? {
    cases(
      "Search of one user's \(Format.whole(Double(Bench.searchedPages))) pages; one caller unless said",
      [
        Case.searchWord, Case.searchPrefix, Case.searchPhrase, Case.searchMany, Case.saveText,
        Case.saveSettings,
      ])
  }

  /// The rate of each client on one connection, and its share of the load generator's rate.
  private func clients(_ workload: String) -> String? {
    let cases = Bench.clientDepths.map { Case.client(workload, $0) }
    let heads = Bench.clientDepths.flatMap { ["\($0) in flight, /s", "p50 us", "of C's"] }
    return Self.table(
      "Clients: \(workload) on one connection", [""] + heads,
      rows(cases) { subject in
        cases.flatMap { name in
          let share = book.ratio(name, subject, to: .generator, \.perSecond)
          return [rate(name, subject), p50(name, subject), Self.text(share, Format.ratio)]
        }
      })
  }

  private func footprint() -> String? {
    let names = [
      Figure.start, Figure.ephemeral, Figure.reset, Figure.saveSnapshot, Figure.restoreSnapshot,
      Figure.idleResident, Figure.idleProportional,
      Figure.loadedResident, Figure.loadedProportional, Figure.size,
    ]
    let lines = names.compactMap { name in
      book.figure(name).map { [name, Self.text($0) { Format.decimal($0) }] }
    }
    return Self.table("Start-up, memory and size", ["", "figure"], lines)
  }
}
