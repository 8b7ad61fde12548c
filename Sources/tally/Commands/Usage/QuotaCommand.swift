// `tally usage quota`: whether one more is within the plan.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct QuotaCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "quota", abstract: "Tells whether the user's plan allows one more.",
    discussion: """
      The answer is advice only: the call that uses the quota checks it again. For generations the caps of \
      the account are looked at too, and those of the spender, the model and the type if they are given.

      Examples:
        tally usage quota alice generations
        tally usage quota alice generations --spender bot --model gpt-x
      """)

  enum Kind: String, CaseIterable, ExpressibleByArgument {
    case generations
    case uploads
    case pages
  }

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: "What the user wants one more of.") var kind: Kind = .generations
  @Option(help: "Who of the account would begin the run, such as a member or a key.") var spender = ""
  @Option(help: "The model of the run.") var model = ""
  @Option(help: "The type of the run.") var type = ""

  func validate() throws {
    if kind != .generations, ![spender, model, type].allSatisfy(\.isEmpty) {
      throw ValidationError("--spender, --model and --type are for generations")
    }
  }

  func perform() async throws {
    var request = TallystickV1.CheckQuotaRequest()
    request.userId = user
    request.kind =
      switch kind {
      case .generations: .generations
      case .uploads: .uploads
      case .pages: .pages
      }
    (request.spender, request.model, request.type) = (spender, model, type)
    let reply = try await answer(TallystickV1.UsageService.checkQuota, request, connection, output)
    try show(reply, output) { reply in
      Texts.present([
        (kind.rawValue, Texts.used(reply.used, of: reply.limitCount)),
        ("one more", reply.allowed ? "allowed" : "not allowed\(Self.cause(reply.reason))"),
        ("resets", reply.resetsAtMicros == 0 ? "" : Timestamp.format(reply.resetsAtMicros)),
      ])
    }
    if reply.used == 0 { await output.noteUnknown([user], connection) }
  }
  /// Why not, in the words of people; a reason that this program does not know as it is.
  private static func cause(_ reason: String) -> String {
    switch reason {
    case "": ""
    case "QUOTA_EXCEEDED": ": the limit is reached"
    case "USER_SUSPENDED": ": the user is suspended"
    case "PAYMENT_DUE": ": what the user owes must be paid first"
    case "CAP_EXCEEDED": ": a cap leaves no room; 'tally usage caps' shows which"
    default: ": \(reason)"
    }
  }
}
