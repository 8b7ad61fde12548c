// What was used, reckoned from the runs, media and pages themselves.

internal import TallyCore

extension MemoryTables {
  /// - Parameter attempt: nil for the newest.
  func run(_ runId: String, attempt: Int32?) -> StoredRun? {
    if let attempt { return runs[RunName(runId, attempt: attempt)] }
    return runs.filter { $0.key.runId == ExactText(runId) }.max { $0.key.attempt < $1.key.attempt }?.value
  }

  /// Runs that have ended and started within a span of time.
  /// - Parameter account: zero for those of all users.
  func endedRuns(account: Int64, from: Int64, to: Int64) -> [Run] {
    runs.values.lazy.filter { account == 0 || $0.account == account }.map(\.run).filter {
      $0.status != .running && $0.startedAtMicros >= from && $0.startedAtMicros < to
    }
  }

  func totals(of runs: some Sequence<Run>) -> RunTotals { RunTotals(sumOf: runs.map(\.totals)) }

  /// Runs under way that count against a quota.
  func openRunCount(account: Int64, nowMicros: Int64) -> Int64 {
    let open = runs.values.filter { stored in
      stored.account == account && stored.run.status == .running
        && stored.run.expiresAtMicros ?? 0 > nowMicros
    }
    return Int64(open.count)
  }

  /// Uploads that were made within a span of time, deleted ones too.
  func uploadCount(account: Int64, from: Int64, to: Int64) -> Int64 {
    let uploads = media.values.filter { stored in
      stored.account == account && stored.media.source == .upload && stored.media.createdAtMicros >= from
        && stored.media.createdAtMicros < to
    }
    return Int64(uploads.count)
  }

  func counters(account: Int64, from: Int64, to: Int64) -> MonthCounters {
    let runs = endedRuns(account: account, from: from, to: to)
    return MonthCounters(
      generations: Int64(runs.filter { $0.status == .succeeded }.count),
      uploads: uploadCount(account: account, from: from, to: to),
      costMicros: runs.reduce(0) { $0 + $1.costMicros })
  }

  /// Of a UTC month.
  func counters(_ key: MonthKey) -> MonthCounters {
    func start(_ month: Int64) -> Int64 {
      Civil(year: month / 12, month: month % 12 + 1, day: 1).dayNumber * Civil.microsPerDay
    }
    return counters(account: key.account, from: start(key.month), to: start(key.month + 1))
  }

  /// Over some quarter hours of a UTC day.
  func cell(day: Int64, account: Int64, quarters: Range<Int>) -> RollupCell {
    func time(_ quarter: Int) -> Int64 {
      day * Civil.microsPerDay + Int64(quarter) * StatsQuery.stepMicros
    }
    let (from, to) = (time(quarters.lowerBound), time(quarters.upperBound))
    var cell = RollupCell()
    cell.runs = totals(of: endedRuns(account: account, from: from, to: to))
    cell.uploads = uploadCount(account: account, from: from, to: to)
    return cell
  }

  /// What a day has of a tag's values that have a line of their own, and whether one of them is there.
  func tagValues(_ key: GroupKey) -> TagValues {
    let start = key.day * Civil.microsPerDay
    let runs = endedRuns(account: key.account, from: start, to: start + Civil.microsPerDay)
    let values = runs.flatMap(\.tags).filter { tag in
      ExactText(tag.key) == key.tag && (key.account == 0 ? tag.ofAll : tag.own) == .value
    }.map { ExactText($0.value) }
    return TagValues(isKnown: values.contains(key.value), count: Int64(Set(values).count))
  }

  /// Live ones.
  func pageCount(account: Int64) -> Int64 {
    Int64(pages.values.filter { $0.account == account && !$0.facts.isDeleted }.count)
  }

  /// That of the settings, else the default one.
  func plan(account: Int64) -> Plan? {
    if let planId = settings[account]?.planId { return plans[ExactText(planId)] }
    return plans.values.first { $0.isDefault }
  }
}

extension Run {
  /// Of this one alone.
  fileprivate var totals: RunTotals {
    var sums = RunSums()
    sums.count = 1
    sums.costMicros = costMicros
    sums.inputTokens = inputTokens
    sums.outputTokens = outputTokens
    sums.images = images
    sums.providerCostMicros = providerCostMicros
    sums.units = units
    return RunTotals(status, sums)
  }
}
