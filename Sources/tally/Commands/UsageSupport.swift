// What the verbs of usage, pages and users share: arguments, words of the wire's enums, runs as text.
//
// Values, owned by nobody.

internal import ArgumentParser
internal import TallyCore
internal import TallyMessages
internal import TallyProtoJSON

/// Which rows of a long list.
struct PagingOptions: ParsableArguments {
  @Option(help: "1 to 1000 rows.")
  var limit: Int32 = 100

  @Option(help: "Where the page before ended.")
  var cursor = ""
}

/// A month and its zone.
struct MonthOptions: ParsableArguments {
  @Option(help: "The month, such as 2026-11; the current one when it is left out.")
  var month = ""

  @Option(
    help: ArgumentHelp("The month's IANA zone; the plan's when it is left out, else UTC.", valueName: "zone"))
  var timeZone = ""
}

/// An enum of the protos, as people write it.
protocol WireWord {
  var name: String? { get }
  var rawValue: Int32 { get }
}

extension WireWord {
  /// `period_end`; the number of one that this program does not know.
  var word: String { name?.lowercased() ?? "\(rawValue)" }

  /// The values that words name, of those that may be named.
  static func parse(_ words: [String], among choices: [Self]) throws(Failure) -> [Self] {
    var values: [Self] = []
    for word in words {
      guard let value = choices.first(where: { $0.word == word.lowercased() }) else {
        let names = choices.map(\.word).joined(separator: ", ")
        throw Failure(.usage, "\(JSON.quoted(word)) is none of \(names)")
      }
      values.append(value)
    }
    return values
  }
}

extension TallystickV1.TransactionType: WireWord {
  /// Of which there are rows.
  static let choices = known.filter { TransactionType(rawValue: $0.rawValue)?.isMade == true }
}

extension TallystickV1.HoldState: WireWord {
  static let choices = known.filter { $0 != .unspecified }
}

extension TallystickV1.RunStatus: WireWord {}
extension TallystickV1.QuotaKind: WireWord {}
extension TallystickV1.MediaSource: WireWord {}
extension TallystickV1.UserRole: WireWord {}
extension TallystickV1.UserApproval: WireWord {}

/// How a run ends.
enum RunEnd: String, CaseIterable, ExpressibleByArgument {
  case succeeded
  case failed
  case cancelled

  var status: TallystickV1.RunStatus {
    switch self {
    case .succeeded: .succeeded
    case .failed: .failed
    case .cancelled: .cancelled
    }
  }
}

/// What an ended run used.
struct RunResultOptions: ParsableArguments {
  @Option(help: "How it ended.") var status: RunEnd = .succeeded
  @Option(help: "Tokens that went in.") var inputTokens: Int64 = 0
  @Option(help: "Tokens that came out.") var outputTokens: Int64 = 0
  @Option(help: "Images that it made.") var images: Int64 = 0
  @Option(help: "What it cost; by the prices of the user's plan when it is left out.") var cost: String?
  @Flag(help: "Amounts are micro-USD.") var micros = false
  @Option(help: "What went wrong.") var error = ""

  func costMicros() throws(Failure) -> Int64? {
    guard let cost else { return nil }
    return try Amounts.parse(cost, isMicros: micros)
  }
}

extension Texts {
  static func count(_ value: Int64) -> String {
    (value < 0 ? "-" : "") + Dollars.grouped(value.magnitude)
  }

  /// A list of facts; empty values are left out.
  static func present(_ rows: [(String, String)]) -> String { facts(rows.filter { !$0.1.isEmpty }) }

  static func run(_ run: TallystickV1.Run, replayed: Bool = false, balance: TallystickV1.Balance? = nil)
    -> String
  {
    var rows: [(String, String)] = [
      ("run", run.runId + (replayed ? " (replayed)" : "")), ("user", run.userId),
      ("model", "\(run.model) (\(run.type))"),
      ("status", run.status.word + (run.recorded ? " (recorded, not charged)" : "")),
    ]
    if run.status == .running {
      rows.append(("held", Dollars.format(run.estimateMicros)))
      rows.append(("hold", run.holdId))
      rows.append(("expires", Timestamp.format(run.expiresAtMicros)))
    } else {
      rows.append(("cost", Dollars.format(run.costMicros)))
      if !run.recorded { rows.append(("charged", Dollars.format(run.chargedMicros))) }
      if run.uncollectedMicros != 0 { rows.append(("unpaid", Dollars.format(run.uncollectedMicros))) }
      rows.append(("tokens", "\(count(run.inputTokens)) in, \(count(run.outputTokens)) out"))
      rows.append(("images", run.images == 0 ? "" : count(run.images)))
      rows.append(("error", run.error))
    }
    rows.append(("started", Timestamp.format(run.startedAtMicros)))
    if run.finishedAtMicros != 0 { rows.append(("finished", Timestamp.format(run.finishedAtMicros))) }
    if let balance {
      // What is replayed is the run of then, and the balance of then.
      let then = replayed ? " (after it, then; 'tally credits balance' shows today's)" : ""
      rows.append(("available", Dollars.format(balance.availableMicros) + then))
    }
    return present(rows)
  }

  static func runs(_ runs: [TallystickV1.Run], withUser: Bool = false) -> String {
    var columns: [(String, Table.Alignment)] = [("STARTED", .time), ("RUN", .left)]
    if withUser { columns.append(("USER", .left)) }
    columns += [
      ("MODEL", .left), ("TYPE", .left), ("STATUS", .left), ("COST", .amount), ("TOKENS IN", .right),
      ("TOKENS OUT", .right), ("IMAGES", .right), ("ERROR", .left),
    ]
    var table = Table(
      columns, optional: ["IMAGES", "TYPE", "TOKENS IN", "TOKENS OUT", "ERROR", "MODEL"], flexible: "ERROR")
    for run in runs {
      table.add(
        [Timestamp.format(run.startedAtMicros), run.runId] + (withUser ? [run.userId] : []) + [
          run.model, run.type, run.status.word, Dollars.format(run.costMicros), count(run.inputTokens),
          count(run.outputTokens), count(run.images), run.error,
        ])
    }
    return table.text
  }

  static func usages(_ usages: [TallystickV1.Usage]) -> String {
    var table = Table(
      [
        ("USER", .left), ("MONTH", .left), ("PLAN", .left), ("GENERATIONS", .right), ("RUNNING", .right),
        ("UPLOADS", .right), ("PAGES", .right), ("RESETS", .time),
      ], optional: ["RESETS", "RUNNING", "PAGES", "UPLOADS", "PLAN"])
    for usage in usages {
      table.add([
        usage.userId, "\(usage.month) \(usage.timeZone)", usage.planId.isEmpty ? "-" : usage.planId,
        used(usage.generations, of: usage.limits?.monthlyGenerations), count(usage.running),
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
