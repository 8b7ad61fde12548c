// `tally users limit`: bounds how often a user or a uid may call.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct LimitCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "limit", abstract: "Limits how often a user or a uid may call.",
    discussion: """
      Examples:
        tally users limit alice --per-second 20 --burst 40
        tally users limit --uid 1001 --per-second 500
        tally users limit --every-user --per-second 50
        tally users limit alice --none
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user to limit.") var user: String?
  @Option(parsing: .unconditional, help: "The uid whose processes to limit, instead of a user.") var uid:
    UInt32?
  @Flag(help: "Limit each user that has no limit of its own.") var everyUser = false
  @Flag(help: "Limit each uid that has no limit of its own.") var everyUid = false
  @Option(parsing: .unconditional, help: "Calls per second: 1 to 1000000.") var perSecond: Int32?
  @Option(parsing: .unconditional, help: "Calls in a burst: 1 to 1000000. (default: as --per-second)")
  var burst: Int32?
  @Flag(help: "Remove the limit.") var none = false

  private var subjects: [TallystickV1.RateLimit.Subject] {
    let named: [TallystickV1.RateLimit.Subject?] = [
      user.map { .userId($0) }, uid.map { .uid($0) }, everyUser ? .everyUser(true) : nil,
      everyUid ? .everyUid(true) : nil,
    ]
    return named.compactMap { $0 }
  }

  func validate() throws {
    if subjects.count != 1 {
      throw ValidationError("name exactly one of: a user, --uid, --every-user, --every-uid")
    }
    if (perSecond == nil) != none { throw ValidationError("give either --per-second or --none") }
    let range: ClosedRange<Int32> = 1...1_000_000
    if let perSecond, !range.contains(perSecond) {
      throw ValidationError("--per-second must be 1 to 1000000, not \(perSecond); --none removes the limit")
    }
    if let burst, !range.contains(burst) {
      throw ValidationError("--burst must be 1 to 1000000, not \(burst)")
    }
  }

  func perform() async throws {
    var limit = TallystickV1.RateLimit()
    limit.subject = subjects.first
    limit.perSecond = perSecond ?? 0
    limit.burst = burst ?? 0
    var request = TallystickV1.SetRateLimitRequest()
    request.rateLimit = limit
    try await tally.perform(TallystickV1.AdminService.setRateLimit, request, connection, output) {
      $0.rateLimit.map { Texts.limits([$0]) } ?? ""
    }
  }
}
