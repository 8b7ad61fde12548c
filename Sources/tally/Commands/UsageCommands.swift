// `tally usage`: runs of AI generation, and what users have used of their plans.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct UsageCommands: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "usage", abstract: "Runs of generation, and what users have used of their plans.",
    discussion: """
      A run is begun and finished, which holds and charges credit, or recorded after the fact, which \
      does not. The same call under the same run id does nothing twice.

      Examples:
        tally usage begin alice run-7 --model gpt-x --type text --estimate 0.50
        tally usage finish run-7 --input-tokens 1200 --output-tokens 350
        tally usage month alice
      """,
    subcommands: [
      BeginRunCommand.self, FinishRunCommand.self, RecordRunCommand.self, ShowRunCommand.self,
      RunsCommand.self, MonthCommand.self, QuotaCommand.self,
    ])
}

struct BeginRunCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "begin", abstract: "Checks the quota, holds the estimate and starts a run.",
    discussion: """
      Example:
        tally usage begin alice run-7 --model gpt-x --type text --estimate 0.50
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: "The run's id, of your own making: unique across all users.") var run: String
  @Option(help: "The model.") var model: String
  @Option(help: "What it makes, such as text or image.") var type: String
  @Option(help: "What to hold for it; nothing when it is left out.") var estimate = "0"
  @Flag(help: "The estimate is micro-USD.") var micros = false
  @Option(help: "How long it may run: 90s, 15m, 2h, 30d.") var ttl = "15m"

  func perform() async throws {
    var request = TallystickV1.BeginRunRequest()
    request.userId = user
    request.runId = run
    request.model = model
    request.type = type
    request.estimateMicros = try Amounts.parse(estimate, isMicros: micros)
    request.ttlMillis = try Times.parseSpan(ttl)
    try await tally.perform(TallystickV1.UsageService.beginRun, request, connection, output) { reply in
      reply.run.map { Texts.run($0, replayed: reply.replayed, balance: reply.balance) } ?? ""
    }
  }
}

struct FinishRunCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "finish", abstract: "Ends a run: charges its cost and gives the rest of its hold back.",
    discussion: """
      Examples:
        tally usage finish run-7 --input-tokens 1200 --output-tokens 350
        tally usage finish run-9 --images 2 --cost 0.12
        tally usage finish run-8 --status failed --error 'the model was busy'
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var result: RunResultOptions

  @Argument(help: "The run's id.") var run: String

  func perform() async throws {
    var request = TallystickV1.FinishRunRequest()
    request.runId = run
    request.status = result.status.status
    request.inputTokens = result.inputTokens
    request.outputTokens = result.outputTokens
    request.images = result.images
    request.costMicros = try result.costMicros()
    request.error = result.error
    try await tally.perform(TallystickV1.UsageService.finishRun, request, connection, output) { reply in
      reply.run.map { Texts.run($0, replayed: reply.replayed, balance: reply.balance) } ?? ""
    }
  }
}

struct RecordRunCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "record", abstract: "Records a run that has ended elsewhere. It is never charged.",
    discussion: """
      Example:
        tally usage record alice run-9 --model gpt-x --type image --images 2 \\
          --cost 0.08 --started 2026-11-23T10:00:00Z
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var result: RunResultOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: "The run's id, of your own making: unique across all users.") var run: String
  @Option(help: "The model.") var model: String
  @Option(help: "What it made, such as text or image.") var type: String
  @Option(help: "When it started, at most 35 days ago; now when it is left out.") var started: String?

  func perform() async throws {
    var request = TallystickV1.RecordRunRequest()
    request.userId = user
    request.runId = run
    request.model = model
    request.type = type
    request.status = result.status.status
    request.inputTokens = result.inputTokens
    request.outputTokens = result.outputTokens
    request.images = result.images
    request.costMicros = try result.costMicros()
    request.startedAtMicros = try started.map(Times.parse)
    request.error = result.error
    try await tally.perform(TallystickV1.UsageService.recordRun, request, connection, output) { reply in
      reply.run.map { Texts.run($0, replayed: reply.replayed) } ?? ""
    }
  }
}

struct ShowRunCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows one run.", discussion: "Example: tally usage show run-7")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The run's id.") var run: String

  func perform() async throws {
    var request = TallystickV1.GetRunRequest()
    request.runId = run
    try await tally.perform(TallystickV1.UsageService.getRun, request, connection, output) {
      $0.run.map { Texts.run($0) } ?? ""
    }
  }
}

struct RunsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs", abstract: "Lists a user's runs by their start, newest first.",
    discussion: """
      Example:
        tally usage runs alice --status failed --model gpt-x --from 2026-11-01
      """)

  enum Status: String, CaseIterable, ExpressibleByArgument {
    case running
    case succeeded
    case failed
    case cancelled
  }

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  @Argument(help: "The user.") var user: String
  @Option(parsing: .singleValue, help: "Runs in this state only; may be repeated.") var status: [Status] = []
  @Option(help: "Runs of this model only.") var model = ""
  @Option(help: "Runs of this type only.") var type = ""
  @Option(help: "The earliest start, inclusive.") var from: String?
  @Option(help: "The latest start, exclusive.") var to: String?

  func perform() async throws {
    var request = TallystickV1.ListRunsRequest()
    request.userId = user
    request.statuses = status.map { RunEnd(rawValue: $0.rawValue)?.status ?? .running }
    request.model = model
    request.type = type
    request.fromMicros = try from.map(Times.parse)
    request.toMicros = try to.map(Times.parse)
    request.limit = paging.limit
    request.cursor = paging.cursor
    let reply = try await answer(TallystickV1.UsageService.listRuns, request, connection, output)
    try show(reply, output) { Texts.runs($0.runs) + Texts.more($0.nextCursor) }
    output.note(empty: reply.runs.isEmpty && reply.nextCursor.isEmpty, "no such runs of \(user)")
  }
}

struct MonthCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "month", abstract: "Shows what users have used in a month, and of what.",
    discussion: """
      Example:
        tally usage month alice bob --month 2026-11 --time-zone Europe/Berlin
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var period: MonthOptions

  @Argument(help: "One or more users.") var users: [String]

  func perform() async throws {
    var request = TallystickV1.BatchGetUsageRequest()
    request.userIds = users
    request.month = period.month
    request.timeZone = period.timeZone
    try await tally.perform(TallystickV1.UsageService.batchGetUsage, request, connection, output) {
      Texts.usages($0.usages)
    }
  }
}

struct QuotaCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "quota", abstract: "Tells whether one more is within the user's plan.",
    discussion: """
      It is advice: the call that uses the quota decides.

      Example: tally usage quota alice generations
      """)

  enum Kind: String, CaseIterable, ExpressibleByArgument {
    case generations
    case uploads
    case pages
  }

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: "What to have one more of.") var kind: Kind = .generations

  func perform() async throws {
    var request = TallystickV1.CheckQuotaRequest()
    request.userId = user
    request.kind =
      switch kind {
      case .generations: .generations
      case .uploads: .uploads
      case .pages: .pages
      }
    try await tally.perform(TallystickV1.UsageService.checkQuota, request, connection, output) { reply in
      Texts.present([
        (kind.rawValue, Texts.used(reply.used, of: reply.limitCount)),
        ("one more", reply.allowed ? "allowed" : "not allowed"),
        ("resets", reply.resetsAtMicros == 0 ? "" : Timestamp.format(reply.resetsAtMicros)),
      ])
    }
  }
}
