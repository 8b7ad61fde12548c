// The audit's estimates of how long each operation takes, beside what was measured: docs/AUDIT.md's table.

/// An operation that the audit gave a time, and the case that measures it.
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

  /// One row an estimate, times in milliseconds; `-` where nothing was measured.
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
