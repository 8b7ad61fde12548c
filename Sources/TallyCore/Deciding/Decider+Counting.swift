// Runs that have ended, as they are counted.
//
// Invariants:
// 1. A run is counted under the time at which it started: for its user and for all users, under label 0 and
//    under its own; in its spender's line of its user; and in the line of each tag that its plan declares,
//    for its user and for all users.
// 2. The sums over all runs stay within int64, and with them every other sum.
//
// Owner: the writer's queue.

extension Decider {
  /// Counts an ended run, and keeps on it which lines its tags were counted in.
  /// - Throws: `amountOverflow` when a sum would overflow int64.
  func count(
    _ run: inout Run, account: Int64, _ tagKeys: [String]
  ) throws(Refusal) -> UsageCount {
    let sums = RunSums(of: run)
    var total = records.writes.books.runTotal
    guard total.add(sums) else {
      throw Refusal(.amountOverflow, "the sums over all runs would overflow int64")
    }
    let label = RunLabel(model: ExactText(run.model), type: ExactText(run.type))
    let (id, isNew) = try records.label(label)
    var count = UsageCount(account: account, atMicros: run.startedAtMicros)
    count.cell.runs = RunTotals(run.status, sums)
    count.accounts = [0, account]
    count.labels = [0, id]
    count.newLabel = isNew ? (label, id) : nil
    count.month.generations = run.status == .succeeded ? 1 : 0
    count.month.costMicros = run.costMicros
    count.runTotal = total
    if !run.spender.isEmpty {
      count.groups.append(
        GroupKey(
          day: count.day, account: account, tag: GroupKey.spenders, value: ExactText(run.spender)))
    }
    for index in run.tags.indices where tagKeys.contains(where: run.tags[index].key.isExactly) {
      run.tags[index].own = try line(of: run.tags[index], account: account, &count)
      run.tags[index].ofAll = try line(of: run.tags[index], account: 0, &count)
    }
    return count
  }

  /// The keys by which a run with tags is counted.
  /// - Parameter plan: the one under which it began, as it is now; asked only for a run with tags.
  func tagKeys(of run: Run, _ plan: () throws(Refusal) -> Plan?) throws(Refusal) -> [String] {
    run.tags.isEmpty ? [] : try plan()?.tagKeys ?? []
  }

  private func line(
    of tag: RunTag, account: Int64, _ count: inout UsageCount
  ) throws(Refusal) -> TagLine {
    var key = GroupKey(day: count.day, account: account, tag: ExactText(tag.key), value: ExactText(tag.value))
    let values = try records.tagValues(key)
    let line = values.isKnown || values.count < RunLimits.tagValueCount ? TagLine.value : .rest
    if line == .rest { key = key.ofAllValues }
    if line == .value, !values.isKnown { count.newTagValues.append(key) }
    count.groups.append(key)
    return line
  }
}

extension UsageCount {
  /// Of nothing yet, at some time.
  init(account: Int64, atMicros: Int64) {
    self.init(
      account: account, day: QuarterHour.day(ofMicros: atMicros),
      quarter: QuarterHour.index(ofMicros: atMicros), cell: RollupCell(), accounts: [account], labels: [0])
  }
}
