// `tally users limit`: bounds how often a user or a uid may call.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct LimitCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "limit", abstract: "Bounds the calls of a user or a uid, or of each of them.",
    discussion: """
      Examples:
        tally users limit alice --per-second 20 --burst 40
        tally users limit --uid 1001 --per-second 500
        tally users limit --every-user --per-second 50
        tally users limit alice --none
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user that is bounded.") var user: String?
  @Option(help: "The uid whose processes are bounded, instead of a user.") var uid: UInt32?
  @Flag(help: "Each user without a limit of its own.") var everyUser = false
  @Flag(help: "Each uid without a limit of its own.") var everyUid = false
  @Option(help: "Calls a second: 1 to 1000000.") var perSecond: Int32?
  @Option(help: "Calls at once: 1 to 1000000; as many as a second when it is left out.") var burst: Int32 = 0
  @Flag(help: "Take the limit away.") var none = false

  private var subjects: [TallystickV1.RateLimit.Subject] {
    let named: [TallystickV1.RateLimit.Subject?] = [
      user.map { .userId($0) }, uid.map { .uid($0) }, everyUser ? .everyUser(true) : nil,
      everyUid ? .everyUid(true) : nil,
    ]
    return named.compactMap { $0 }
  }

  func validate() throws {
    if subjects.count != 1 {
      throw ValidationError("name one subject: a user, --uid, --every-user or --every-uid")
    }
    if (perSecond == nil) != none { throw ValidationError("give --per-second, or --none") }
    if let perSecond, perSecond < 1 {
      throw ValidationError("--per-second takes 1 to 1000000; --none takes the limit away")
    }
  }

  func perform() async throws {
    var limit = TallystickV1.RateLimit()
    limit.subject = subjects.first
    limit.perSecond = perSecond ?? 0
    limit.burst = burst
    var request = TallystickV1.SetRateLimitRequest()
    request.rateLimit = limit
    try await tally.perform(TallystickV1.AdminService.setRateLimit, request, connection, output) {
      $0.rateLimit.map { Texts.limits([$0]) } ?? ""
    }
  }
}
