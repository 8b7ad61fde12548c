// The command line of the benchmarks. `scripts/bench` builds everything and calls this.

internal import ArgumentParser

@main
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measures the program against the C floors and its peers, in interleaved rounds.",
    discussion: "Example: bench --directory /var/tmp/run --only consume,hold --rounds 3")

  @Option(help: "The built programs.")
  var build = ".build/release"

  @Option(help: "The run's own directory, on the disk to measure. It must exist and be empty.")
  var directory: String

  @Option(help: "Suites, comma-separated: \(Suite.allCases.map(\.rawValue).joined(separator: ", ")).")
  var only: String?

  @Option(
    help: "Subjects to leave out, comma-separated: tally, floor, postgres, postgresORM, redis, ...")
  var without: String?

  @Option(help: "Interleaved rounds.")
  var rounds: Int?

  @Option(help: "Seconds of each figure, after a warm-up of a fifth.")
  var seconds: Double?

  @Flag(help: "Few and short rounds: everything in under two minutes.")
  var quick = false

  @Option(help: "The document whose figures are replaced; without it they are only printed.")
  var document: String?

  @Option(help: "The document whose table of the audit's estimates is replaced.")
  var audit: String?

  func validate() throws {
    guard (rounds ?? 1) > 0, (seconds ?? 1) > 0 else {
      throw ValidationError("--rounds and --seconds are positive")
    }
  }

  func run() throws {
    let rounds = rounds ?? (quick ? 2 : 5)
    let seconds = seconds ?? (quick ? 0.2 : 1)
    let places = Places(build: build, directory: directory)
    var bench = Bench(
      places: places, rounds: rounds, seconds: seconds, warmup: seconds / 5, subjects: try subjects(),
      largeRuns: quick ? Dataset.largeRuns / 10 : Dataset.largeRuns)
    try bench.run(try suites())
    let machine = Machine.description(
      command: quick ? "make bench-quick" : "make bench", places: places, rounds: rounds, seconds: seconds)
    let figures = machine + "\n\n" + Tables(book: bench.book).markdown()
    let estimates = Estimate.table(bench.book) + "\n\n" + MeasuredFinding.table(bench.book)
    print(figures + "\n\n" + estimates)
    if let document { try replace(document, with: figures) }
    if let audit { try replace(audit, with: machine + "\n\n" + estimates) }
  }

  private func replace(_ document: String, with figures: String) throws {
    let text = try Document.replacing(SystemCall.readFile(document), with: figures)
    try SystemCall.writeFile(document, text)
  }

  private func suites() throws -> Set<Suite> {
    guard let only else { return Set(Suite.allCases) }
    return Set(
      try only.split(separator: ",").map { name in
        guard let suite = Suite(rawValue: String(name)) else { throw ValidationError("no suite \(name)") }
        return suite
      })
  }

  private func subjects() throws -> Set<Subject> {
    let left = try (without ?? "").split(separator: ",").map { name in
      guard let subject = Subject.allCases.first(where: { "\($0)" == name }) else {
        throw ValidationError("no subject \(name)")
      }
      return subject
    }
    return Set(Subject.allCases).subtracting(left)
  }
}
