// The tables of docs/AUDIT.md: the audit's estimates of how long each operation takes and the findings that a
// figure answers, next to what was measured.

/// An operation for which the audit estimated a time, and the case that measures it.
struct Estimate {
  var title: String
  var millis: Double
  var name: String

  static func all(_ book: Book) -> [Estimate] {
    let large = Format.whole(Double(book.largeRuns))
    let small = Format.whole(Double(Dataset.smallRuns))
    return [
      Estimate(title: "admin list of 50 users", millis: 200, name: Case.users(50)),
      Estimate(title: "admin list of 100 users", millis: 400, name: Case.users(100)),
      Estimate(title: "page detail with 10 sections", millis: 50, name: Case.page),
      Estimate(
        title: "stats over 30 days, user with \(small) runs", millis: 300,
        name: Case.stats("small", Dataset.zones[0], "cold")),
      Estimate(
        title: "stats over 30 days, user with \(large) runs", millis: 300,
        name: Case.stats("large", Dataset.zones[0], "cold")),
      Estimate(title: "credit check", millis: 20, name: Case.check),
      Estimate(title: "credit consumption", millis: 40, name: Case.spend),
      Estimate(title: "page update of 10 sections", millis: 100, name: Case.save),
    ]
  }

  /// One row for each estimate, with times in milliseconds; `-` where nothing was measured.
  static func table(_ book: Book) -> String {
    let head = [
      "one caller, ms", "the audit's estimate", "here, p50", "here, p99",
      "\(Subject.postgresORM.rawValue), p50", "\(Subject.postgres.rawValue), p50",
    ]
    let rows = all(book).map { estimate in
      [
        estimate.title, Format.whole(estimate.millis), estimate.cell(book, .tally, \.p50Micros),
        estimate.cell(book, .tally, \.p99Micros), estimate.cell(book, .postgresORM, \.p50Micros),
        estimate.cell(book, .postgres, \.p50Micros),
      ]
    }
    return Tables.lines(head, rows)
  }

  private func cell(_ book: Book, _ subject: Subject, _ part: KeyPath<Sample, Double>) -> String {
    Tables.text(book.spread(name, subject, part)) { Format.decimal($0 / 1000, places: 3) }
  }
}

/// A finding of the audit, and the figure that answers it.
struct MeasuredFinding {
  enum Unit {
    case millis
    case perSecond
  }

  var title: String
  var figure: String
  var name: String
  var unit: Unit

  static func all(_ book: Book) -> [MeasuredFinding] {
    let large = Format.whole(Double(book.largeRuns))
    return [
      MeasuredFinding(
        title: "2 + 3N queries", figure: "admin list of 100 users", name: Case.users(100), unit: .millis),
      MeasuredFinding(
        title: "page detail", figure: "10 sections, 20 images, 64 callers", name: Case.pageMany,
        unit: .perSecond),
      MeasuredFinding(
        title: "dashboard", figure: "30 days of \(large) runs, \(Dataset.zones[1]), cold",
        name: Case.stats("large", Dataset.zones[1], "cold"), unit: .millis),
      MeasuredFinding(
        title: "usage", figure: "a month's of 1,000 users", name: Case.usage, unit: .millis),
      MeasuredFinding(
        title: "consuming credit", figure: "64 callers, 1,000 accounts", name: Case.consume(64, "ordered"),
        unit: .perSecond),
      MeasuredFinding(
        title: "check, then consume", figure: "BeginRun + FinishRun, 64 callers", name: Case.run,
        unit: .perSecond),
      MeasuredFinding(
        title: "saving a page", figure: "10 sections, one caller", name: Case.save, unit: .millis),
      MeasuredFinding(
        title: "no cache", figure: "30 days of \(large) runs, UTC, hot",
        name: Case.stats("large", Dataset.zones[0], "hot"), unit: .millis),
    ]
  }

  /// One row for each finding: median latency in milliseconds, or operations a second.
  static func table(_ book: Book) -> String {
    let others = [Subject.postgresORM, .postgres]
    let rows = all(book).map { finding in
      [finding.title, finding.figure] + ([.tally] + others).map { finding.cell(book, $0) }
    }
    return Tables.lines(["finding", "figure", "here"] + others.map(\.rawValue), rows)
  }

  private func cell(_ book: Book, _ subject: Subject) -> String {
    switch unit {
    case .millis: Tables.text(book.spread(name, subject, \.p50Micros)) { Format.millis(micros: $0) }
    case .perSecond: Tables.text(book.spread(name, subject, \.perSecond)) { Format.rate($0) + "/s" }
    }
  }
}
