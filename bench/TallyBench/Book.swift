// The samples of a run, by case (what was measured) and subject (the system it was measured on).
//
// Invariants:
// 1. Samples of a case are in the order of the rounds: the n-th samples of two subjects were taken right
//    after each other, and ratios are taken between them.

/// A system that is measured.
enum Subject: String, CaseIterable {
  case tally = "Tallystick"
  case floor = "C floor"
  case postgres = "PostgreSQL, one statement"
  case postgresORM = "PostgreSQL, as an ORM sends it"
  case redis = "Redis, Lua"
  case goTTRPC = "Go ttrpc"
  case goGRPC = "grpc-go"
  case generator = "C load generator"
  case python = "Python, threads"
  case pythonAsyncio = "Python, asyncio"
  case node = "Node"
}

/// Median, least and greatest of the rounds.
struct Spread {
  var median: Double
  var least: Double
  var greatest: Double

  /// Nil without a value.
  init?(_ values: [Double]) {
    let sorted = values.sorted()
    guard let first = sorted.first, let last = sorted.last else { return nil }
    let middle = sorted.count / 2
    median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    least = first
    greatest = last
  }
}

struct Book {
  /// How many runs the large user of the statistics has.
  var largeRuns = Dataset.largeRuns
  private(set) var samples: [String: [Subject: [Sample]]] = [:]
  /// Figures that are not samples of a load (start-up, memory, size), by name.
  private(set) var figures: [String: [Double]] = [:]

  mutating func record(_ sample: Sample, _ name: String, _ subject: Subject) {
    samples[name, default: [:]][subject, default: []].append(sample)
  }

  mutating func record(figure: Double, _ name: String) {
    figures[name, default: []].append(figure)
  }

  func values(_ name: String, _ subject: Subject, _ part: KeyPath<Sample, Double>) -> [Double] {
    (samples[name]?[subject] ?? []).map { $0[keyPath: part] }
  }

  func spread(_ name: String, _ subject: Subject, _ part: KeyPath<Sample, Double>) -> Spread? {
    Spread(values(name, subject, part))
  }

  func figure(_ name: String) -> Spread? {
    Spread(figures[name] ?? [])
  }

  /// The ratio of two subjects in each round.
  func ratio(
    _ name: String, _ subject: Subject, to other: Subject, of otherName: String? = nil,
    _ part: KeyPath<Sample, Double>
  ) -> Spread? {
    let ours = values(name, subject, part)
    let theirs = values(otherName ?? name, other, part)
    return Spread(zip(ours, theirs).map { $0 / $1 })
  }
}
