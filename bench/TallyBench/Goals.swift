// The goals, each with the figure that decides it.

/// A goal: what is measured, the bound, and its unit.
struct Goal {
  enum Bound {
    case atLeast(Double)
    case atMost(Double)
  }

  enum Unit {
    case ratio
    case perSecond
    case millis
    case megabytes
  }

  var title: String
  var bound: Bound
  var unit: Unit
  /// Nil when the run did not measure it.
  var measured: Spread?

  /// Whether the median meets the goal.
  var isMet: Bool? {
    guard let measured else { return nil }
    switch bound {
    case .atLeast(let least): return measured.median >= least
    case .atMost(let most): return measured.median <= most
    }
  }

  var boundText: String {
    switch bound {
    case .atLeast(let least): "at least \(text(least))"
    case .atMost(let most): "at most \(text(most))"
    }
  }

  func text(_ value: Double) -> String {
    switch unit {
    case .ratio: Format.ratio(value)
    case .perSecond: Format.rate(value) + "/s"
    case .millis: Format.decimal(value, places: value < 10 ? 2 : 1) + " ms"
    case .megabytes: Format.decimal(value) + " MB"
    }
  }
}

extension Goal {
  static func all(_ book: Book) -> [Goal] {
    echo(book) + consume(book) + others(book) + product(book) + footprint(book)
  }

  private static func echo(_ book: Book) -> [Goal] {
    [
      Goal(
        title: "echo, one core, p50 against the C floor", bound: .atMost(1.10), unit: .ratio,
        measured: book.ratio(Case.echoPinned, .tally, to: .floor, \.p50Micros)),
      Goal(
        title: "echo, 64 callers, against the C floor", bound: .atLeast(0.85), unit: .ratio,
        measured: book.ratio(Case.echoMany, .tally, to: .floor, \.perSecond)),
      Goal(
        title: "echo, 64 callers, against Go ttrpc", bound: .atLeast(2), unit: .ratio,
        measured: book.ratio(Case.echoMany, .tally, to: .goTTRPC, \.perSecond)),
      Goal(
        title: "echo, 64 callers, against grpc-go", bound: .atLeast(2), unit: .ratio,
        measured: book.ratio(Case.echoMany, .tally, to: .goGRPC, \.perSecond)),
    ]
  }

  private static func consume(_ book: Book) -> [Goal] {
    let cases: [(name: String, least: Double)] = [
      (Case.hot, 20), (Case.consume(64, "random"), 1), (Case.consume(64, "ordered"), 1.5),
    ]
    let againstPostgres = cases.map { name, least in
      Goal(
        title: "\(name), against PostgreSQL's best", bound: .atLeast(least), unit: .ratio,
        measured: book.ratio(name, .tally, to: .postgres, \.perSecond))
    }
    let againstFloor = cases.dropFirst().map { name, _ in
      Goal(
        title: "\(name), against the C floor", bound: .atLeast(0.8), unit: .ratio,
        measured: book.ratio(name, .tally, to: .floor, \.perSecond))
    }
    let alone = Goal(
      title: "consume, 1 caller, p50 against PostgreSQL's best", bound: .atMost(1.1), unit: .ratio,
      measured: book.ratio(Case.consume(1, "ordered"), .tally, to: .postgres, \.p50Micros))
    return againstPostgres + againstFloor + [alone]
  }

  private static func others(_ book: Book) -> [Goal] {
    let batches = book.values(Case.batch, .tally, \.perSecond)
    return [
      Goal(
        title: "BatchConsume of 8,192, items", bound: .atLeast(300_000), unit: .perSecond,
        measured: Spread(batches.map { $0 * Double(Bench.batchItems) })),
      Goal(
        title: "hold + capture, pairs against consumes", bound: .atLeast(0.4), unit: .ratio,
        measured: book.ratio(
          Case.hold, .tally, to: .tally, of: Case.consume(64, "ordered"), \.perSecond)),
      Goal(
        title: "balance read, 64 callers", bound: .atLeast(250_000), unit: .perSecond,
        measured: book.spread(Case.balance, .tally, \.perSecond)),
    ]
  }

  private static func product(_ book: Book) -> [Goal] {
    let runs = Format.whole(Double(book.largeRuns))
    let stats = Dataset.zones.flatMap { zone in
      let large = Case.stats("large", zone, "cold")
      return [
        Goal(
          title: "stats over 30 days of \(runs) runs, \(zone), cold, p50", bound: .atMost(2), unit: .millis,
          measured: millis(book, large)),
        Goal(
          title: "the same by 10 spenders and 20 values of a tag", bound: .atMost(2), unit: .millis,
          measured: millis(book, Case.stats("large", zone, Case.grouped))),
        Goal(
          title: "the first against 10,000 runs", bound: .atMost(1.25), unit: .ratio,
          measured: book.ratio(
            large, .tally, to: .tally, of: Case.stats("small", zone, "cold"), \.p50Micros)),
      ]
    }
    return [
      Goal(
        title: "BeginRun + FinishRun, pairs against consumes", bound: .atLeast(0.4), unit: .ratio,
        measured: book.ratio(
          Case.run, .tally, to: .tally, of: Case.consume(64, "ordered"), \.perSecond)),
      Goal(
        title: "page detail (10 sections, 20 images), 64 callers", bound: .atLeast(100_000),
        unit: .perSecond, measured: book.spread(Case.pageMany, .tally, \.perSecond)),
    ] + stats + [
      Goal(
        title: "ListUsers, 100 of 10,000 users, p50", bound: .atMost(0.5), unit: .millis,
        measured: millis(book, Case.users(100))),
      Goal(
        title: "BatchGetUsage of 1,000 users, p50", bound: .atMost(2), unit: .millis,
        measured: millis(book, Case.usage)),
    ]
  }

  /// The program's median latency.
  private static func millis(_ book: Book, _ name: String) -> Spread? {
    Spread(book.values(name, .tally, \.p50Micros).map { $0 / 1000 })
  }

  private static func footprint(_ book: Book) -> [Goal] {
    [
      Goal(
        title: "start to first reply after a clean stop", bound: .atMost(20), unit: .millis,
        measured: book.figure(Figure.start)),
      Goal(
        title: "ephemeral start to first reply", bound: .atMost(25), unit: .millis,
        measured: book.figure(Figure.ephemeral)),
      Goal(
        title: "harness: reset, p50", bound: .atMost(2), unit: .millis, measured: book.figure(Figure.reset)),
      Goal(
        title: "memory, idle", bound: .atMost(16), unit: .megabytes,
        measured: book.figure(Figure.idleResident)),
      Goal(
        title: "memory, loaded (1,000,000 ledger rows)", bound: .atMost(48), unit: .megabytes,
        measured: book.figure(Figure.loadedResident)),
      Goal(
        title: "static stripped binary", bound: .atMost(16), unit: .megabytes,
        measured: book.figure(Figure.size)),
    ]
  }
}
