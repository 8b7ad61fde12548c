// Runs and usage, as text for people.

internal import TallyMessages

extension Texts {
  static func run(_ run: TallystickV1.Run, replayed: Bool = false, balance: TallystickV1.Balance? = nil)
    -> String
  {
    var rows: [(String, String)] = [
      ("run", named(run) + (replayed ? " (replayed)" : "")), ("user", run.userId),
      ("spender", run.spender),
      ("tags", run.tags.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")),
      ("model", "\(run.model) (\(run.type))"),
      ("status", run.status.word + (run.recorded ? " (recorded, not charged)" : "")),
    ]
    if run.status == .running {
      rows.append(("held", Dollars.format(run.estimateMicros)))
      rows.append(("hold", run.holdId))
      rows.append(("expires", Timestamp.format(run.expiresAtMicros)))
    } else {
      rows.append(("cost", Dollars.format(run.costMicros)))
      if run.providerCostMicros != 0 {
        rows.append(("provider took", Dollars.format(run.providerCostMicros)))
        rows.append(("margin", Dollars.format(run.costMicros - run.providerCostMicros)))
      }
      if !run.recorded { rows.append(("charged", Dollars.format(run.chargedMicros))) }
      if run.uncollectedMicros != 0 {
        rows.append(("not charged", Dollars.format(run.uncollectedMicros)))
        // Then; what is paid later changes no run.
        if run.owedMicros != 0 { rows.append(("became owed", Dollars.format(run.owedMicros))) }
      }
      rows.append(("tokens", "\(count(run.inputTokens)) in, \(count(run.outputTokens)) out"))
      rows.append(("images", run.images == 0 ? "" : count(run.images)))
      let shown: [TallystickV1.UnitClass] = [.input, .output, .image]
      for unit in run.units where !shown.contains(unit.unitClass) {
        rows.append((unit.unitClass.word, count(unit.count)))
      }
      let parts = run.breakdown.map { "\($0.unitClass.word) \(Dollars.format($0.costMicros))" }
      rows.append(("of which", parts.count > 1 ? parts.joined(separator: ", ") : ""))
      rows.append(("error", run.error))
    }
    rows.append(("started", Timestamp.format(run.startedAtMicros)))
    if run.finishedAtMicros != 0 { rows.append(("finished", Timestamp.format(run.finishedAtMicros))) }
    if let balance {
      // A replay returns the run and the balance that the first call returned.
      let then = replayed ? " (after it, then; 'tally credits balance' shows today's)" : ""
      rows.append(("available", Dollars.format(balance.availableMicros) + then))
    }
    return present(rows)
  }

  static func runs(_ runs: [TallystickV1.Run], withUser: Bool = false) -> String {
    let withSpender = runs.contains { !$0.spender.isEmpty }
    var columns: [(String, Table.Alignment)] = [("STARTED", .time), ("RUN", .left)]
    if withUser { columns.append(("USER", .left)) }
    if withSpender { columns.append(("SPENDER", .left)) }
    columns += [
      ("MODEL", .left), ("TYPE", .left), ("STATUS", .left), ("COST", .amount), ("TOKENS IN", .right),
      ("TOKENS OUT", .right), ("IMAGES", .right), ("ERROR", .left),
    ]
    var table = Table(
      columns, optional: ["IMAGES", "TYPE", "TOKENS IN", "TOKENS OUT", "ERROR", "MODEL"],
      flexible: "ERROR")
    for run in runs {
      table.add(
        [Timestamp.format(run.startedAtMicros), named(run)]
          + (withUser ? [run.userId] : []) + (withSpender ? [run.spender] : []) + [
            run.model, run.type, run.status.word, Dollars.format(run.costMicros), count(run.inputTokens),
            count(run.outputTokens), count(run.images), run.error,
          ])
    }
    return table.text
  }

  /// Its first attempt goes without saying.
  private static func named(_ run: TallystickV1.Run) -> String {
    run.runId + (run.attempt > 1 ? ", attempt \(run.attempt)" : "")
  }

  static func usages(_ usages: [TallystickV1.Usage]) -> String {
    var table = Table(
      [
        ("USER", .left), ("MONTH", .left), ("PLAN", .left), ("GENERATIONS", .right), ("RUNNING", .right),
        ("COST", .amount), ("UPLOADS", .right), ("PAGES", .right), ("RESETS", .time),
      ], optional: ["RESETS", "RUNNING", "PAGES", "UPLOADS", "PLAN", "COST"])
    for usage in usages {
      table.add([
        usage.userId, "\(usage.month) \(usage.timeZone)", usage.planId.isEmpty ? "-" : usage.planId,
        used(usage.generations, of: usage.limits?.monthlyGenerations), count(usage.running),
        Dollars.format(usage.costMicros),
        used(usage.uploads, of: usage.limits?.monthlyUploads), used(usage.pages, of: usage.limits?.pageCount),
        Timestamp.format(usage.resetsAtMicros),
      ])
    }
    return table.text
  }

  /// `3 of 10`, or `3` without a limit.
  static func used(_ used: Int64, of limit: Int64?) -> String {
    count(used) + (limit.map { " of \(count($0))" } ?? "")
  }
}
