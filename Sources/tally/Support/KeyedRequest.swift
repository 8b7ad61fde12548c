// Which requests may be sent again, and the calls of subcommands, which are.
//
// Invariants:
// 1. A call is sent again only with the same bytes, and so with the same key.
// 2. What may have been applied is sent again only where that is harmless, by the rule that the clients
//    follow (`repeatable` in scripts/generator/semantics.py).
// 3. If a call that may have been applied is given up, its key is printed: after the last attempt, and on
//    Control-C.

internal import TallyClient
internal import TallyMessages

extension Message {
  /// Sending the request twice has the same effect as sending it once.
  var isHarmlessTwice: Bool {
    switch self {
    case is any KeyedRequest: true
    case let create as TallystickV1.CreatePageRequest: !create.pageId.isEmpty
    case let duplicate as TallystickV1.DuplicatePageRequest: !duplicate.newPageId.isEmpty
    case let create as TallystickV1.CreateMediaRequest: !create.mediaId.isEmpty
    default: RepeatableMethods.holds(Self.fullName)
    }
  }
}

enum RepeatableMethods {
  /// Methods that read, set what they name, or replay under the id that they carry.
  static let prefixes = [
    "Get", "List", "Search", "Diff", "Check", "BatchGet", "Put", "Set", "Reset", "Verify", "CancelTopUp",
    "Echo",
    "BeginRun", "FinishRun", "RecordRun", "DeleteMedia",
  ]

  /// - Parameter request: the full name of a method's request, such as `tallystick.v1.GetBalanceRequest`.
  static func holds(_ request: String) -> Bool {
    let name = request.split(separator: ".").last ?? ""
    return prefixes.contains { name.hasPrefix($0) }
  }
}

/// When a call is sent again, by the rules of the clients.
struct Persistence: Sendable {
  static let limit: Duration = .seconds(5)
  static let firstDelay: Duration = .milliseconds(10)
  static let longestDelay: Duration = .milliseconds(500)

  private var delay = Self.firstDelay
  private var hasPaused = false
  private let start: ContinuousClock.Instant
  private(set) var mayHaveBeenApplied = false

  init(start: ContinuousClock.Instant = .now) {
    self.start = start
  }

  /// How long to wait before the next attempt; nil to give up.
  /// - Parameters:
  ///   - isFirst: no attempt has found a server before. If there is none at all, it is not waited for.
  ///   - timeout: for all attempts together.
  mutating func pause(after failure: TallyError, to request: any Message, isFirst: Bool, timeout: Duration?)
    -> Duration?
  {
    if failure.outcome == .unknown { mayHaveBeenApplied = true }
    let isTransient = failure.code == .unavailable || failure.reason == "OUTCOME_UNKNOWN"
    guard isTransient, !(isFirst && failure.reason == "NOT_CONNECTED"),
      failure.outcome == .notApplied || request.isHarmlessTwice
    else { return nil }
    // A random part of it, up to one half, is left out, so that callers who failed together do not come back
    // together.
    let pause = delay - delay * Int.random(in: 0...500) / 1_000
    let end = start.duration(to: .now) + pause
    // There is always time for one more attempt, unless the caller's own time has run out.
    let isOver = (hasPaused && end >= Self.limit) || timeout.map { end >= $0 } ?? false
    hasPaused = true
    delay = min(delay * 2, Self.longestDelay)
    return isOver ? nil : pause
  }

  /// What is left of a time limit for all attempts.
  func rest(of timeout: Duration?) -> Duration? {
    timeout.map { max(.milliseconds(1), $0 - start.duration(to: .now)) }
  }
}

extension ConnectionOptions {
  /// Makes a call, and repeats it by the rules of the clients.
  func call<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, _ request: Request
  ) async throws(TallyError) -> Response {
    let client = self.client
    var options = client.defaults
    var persistence = Persistence()
    var isFirst = true
    let interruption = (request as? any KeyedRequest).map { keyed in
      let text = "tally: interrupted; \(TallyError.retryAdvice(on: keyed))\n"
      return Interruption { System.writeError(text) }
    }
    defer { interruption?.end() }
    while true {
      var failure: TallyError
      options.timeout = persistence.rest(of: client.defaults.timeout)
      do throws(TallyError) { return try await client.call(rpc, request, options: options) } catch {
        failure = error
      }
      let pause = persistence.pause(
        after: failure, to: request, isFirst: isFirst, timeout: client.defaults.timeout)
      // This attempt was not applied, but an earlier one may have been.
      let isOpen = [.unavailable, .deadlineExceeded].contains(failure.code)
      if isOpen, persistence.mayHaveBeenApplied { failure.outcome = .unknown }
      guard let pause else { throw failure }
      isFirst = false
      do { try await Task.sleep(for: pause) } catch { throw failure }
    }
  }
}
