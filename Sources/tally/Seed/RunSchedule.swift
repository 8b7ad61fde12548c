// Spreads a number of runs over quarters of an hour by weight.
//
// Invariants:
// 1. Runs are numbered in the order of their start.

struct RunSchedule: Sendable {
  private let startMicros: Int64
  /// How many runs there are before each quarter of an hour, and in all.
  private let runsBefore: [Int]

  /// - Parameters:
  ///   - weights: one for each quarter of an hour.
  ///   - startMicros: when the first of them begins.
  init(runs: Int, weights: some Sequence<UInt64>, startMicros: Int64) {
    self.startMicros = startMicros
    let quarters = WeightedChoice(weights)
    runsBefore = [0] + quarters.sums.map { Int(UInt64(runs) * $0 / max(1, quarters.total)) }
  }

  func count(beforeQuarter quarter: Int) -> Int { runsBefore[quarter] }

  /// - Parameter number: below the number of runs.
  func start(ofRun number: Int, _ random: inout SeedRandom) -> Int64 {
    let quarter = runsBefore.partitionPoint { $0 <= number } - 1
    let count = Int64(runsBefore[quarter + 1] - runsBefore[quarter])
    let step = DemoData.microsPerQuarter / count
    let first = startMicros + Int64(quarter) * DemoData.microsPerQuarter
    return first + Int64(number - runsBefore[quarter]) * step + random.count(below: step)
  }
}
