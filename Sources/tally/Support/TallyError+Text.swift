// Reports a failed call: to programs as JSON, to people as a sentence that ends with what to do next.
//
// Invariants:
// 1. Where a call may have been applied, the report names the key to retry it with.
// 2. People read amounts in dollars, times as dates and durations as they type them. Programs read the
//    wire's units.

internal import Glibc
internal import TTRPC
internal import TallyClient
internal import TallyMessages
internal import TallyProtoJSON

extension TallyError {
  var exitStatus: ExitStatus {
    if code == .deadlineExceeded { return .timedOut }
    let isGone = reason == "NOT_CONNECTED" || reason == "CONNECTION_LOST" || outcome == .unknown
    return isGone ? .unavailable : .refused
  }

  /// For programs.
  /// - Parameter request: what was asked; its key is included if the outcome is unknown.
  func json(to request: (any Message)? = nil) -> JSON {
    var members: [JSON.Member] = [
      .init("code", .string(code.wireName)),
      .init("reason", .string(reason)),
      .init("message", .string(message)),
      .init("details", .object(details.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) })),
      .init("outcome", .string(outcome == .unknown ? "UNKNOWN" : "NOT_APPLIED")),
    ]
    if outcome == .unknown, let keyed = request as? any KeyedRequest {
      members.append(.init("idempotencyKey", .string(keyed.idempotencyKey)))
    }
    return .object(members)
  }

  /// For people, without the place in the ledger.
  /// - Parameter request: what was asked, as the next step may depend on it.
  func text(to request: (any Message)? = nil) -> String {
    let shown = details.filter { key, value in
      // A message about a field already names the field and its limit.
      !value.isEmpty && !Self.places.contains(key) && !(details["field"] != nil && key == "limit")
        && key != "field"
    }
    let pairs = shown.sorted { $0.key < $1.key }.map { key, value in
      guard key.hasSuffix("_micros"), let micros = Int64(value) else {
        return "\(key) \(value.split(separator: "\n").joined(separator: " "))"
      }
      let isTime = key.hasSuffix("_at_micros") || Self.times.contains(key)
      return "\(key.dropLast("_micros".count)) \(isTime ? Timestamp.format(micros) : Dollars.format(micros))"
    }
    let rest = pairs.isEmpty ? "" : " (\(pairs.joined(separator: ", ")))"
    let name = reason.isEmpty ? code.wireName : reason
    return JSON.plain(
      "\(name): \(plainMessage(request))\(rest)\(advice(on: request).map { "; \($0)" } ?? "")")
  }

  private static let places: Set<String> = ["commit_sequence", "commit_position"]

  private static let times: Set<String> = ["oldest_micros", "newest_micros"]

  /// The message with fields and limits as people type them: dollars, dates, durations.
  private func plainMessage(_ request: (any Message)?) -> String {
    if let repeated = repeatedName(request) {
      return "the \(repeated.kind) \(repeated.id) was already booked, with other arguments"
    }
    guard let field = details["field"] else { return message }
    let parts = message.split(separator: " ", omittingEmptySubsequences: false)
    let words = zip(parts, parts.dropFirst() + [""]).map { word, next in
      if word == field { return Self.unit(of: field).map { String(field.dropLast($0.count)) } ?? field }
      // A number with another unit, as in `a multiple of 15 minutes`.
      if next == "minutes" { return String(word) }
      let digits = word.prefix { $0.isASCII && ($0.isNumber || $0 == "-") }
      guard let number = Int64(digits) else { return String(word) }
      return Self.typed(number, field) + word.dropFirst(digits.count)
    }
    let text = words.joined(separator: " ")
    return Self.unit(of: field) == nil
      ? text
      : text.replacing(" microseconds since the epoch", with: "").replacing(" milliseconds", with: "")
  }

  private static func unit(of field: String) -> String? {
    ["_at_micros", "_micros", "_millis"].first { field.hasSuffix($0) }
  }

  private static func typed(_ number: Int64, _ field: String) -> String {
    switch unit(of: field) {
    case "_at_micros": Timestamp.format(number)
    case "_micros" where ["from_micros", "to_micros"].contains(field): Timestamp.format(number)
    case "_micros": Dollars.format(number)
    case "_millis": Times.formatSpan(number)
    default: "\(number)"
    }
  }

  /// What to do next; nil if there is nothing to suggest.
  private func advice(on request: (any Message)?) -> String? {
    if outcome == .unknown { return Self.retryAdvice(on: request) }
    switch reason {
    case "NOT_CONNECTED": return connectionAdvice
    case "INSUFFICIENT_CREDITS" where request is TallystickV1.AdjustRequest:
      return "an adjustment cannot take more than is available"
    case "IDEMPOTENCY_MISMATCH": return mismatchAdvice(on: request)
    case "VERSION_CONFLICT":
      return
        "see 'tally pages show \(Self.page(of: request)) --input', and make the change again on top of it"
    case "PAGE_NOT_FOUND" where details["deleted_at_micros"] != nil:
      return "'tally pages undelete \(details["page_id"] ?? "PAGE")' brings it back"
    case "GRANT_NOT_FOUND" where details["transaction_id"] != nil:
      return "'tally credits list USER --type plan_grant --type promo_grant' lists a user's grants"
    case "HOLD_NOT_FOUND":
      return "\(Self.unknownHold(of: request, details))'tally credits holds USER' lists a user's holds"
    default: return Self.advice[reason]
    }
  }

  private static let advice = [
    "PEER_NOT_ALLOWED": "'tally serve --allow-uid' lets another system user in",
    "INSUFFICIENT_CREDITS": "add credit with 'tally credits purchase'",
    "CAP_EXCEEDED": "'tally usage caps' shows the caps, 'tally caps put' and 'tally plans put' change them",
    "QUOTA_EXCEEDED": "'tally usage month' shows the quotas, 'tally plans put' changes them",
    "RUN_CONFLICT":
      "'tally usage show' shows that run; another run needs another id, and a further attempt --attempt",
    "TRANSACTION_NOT_FOUND":
      "a transaction's id looks like txn-17; 'tally credits list USER' lists a user's transactions",
    "MEDIA_IN_USE": "--detach takes the image out of those pages",
    "GRANT_NOT_FOUND": "'tally plans list' lists the plans",
    "GRANT_OVERLAPS": "'tally credits list USER --type plan_grant' lists what was granted",
    "REVERSAL_SHORT": "--on-shortfall partial takes what is there, owe books the rest as owed",
    "USER_SUSPENDED": "'tally users set USER --state active' ends the suspension",
    "PAYMENT_DUE": "the next credit pays it, and 'tally credits forgive' forgives it",
    "RATE_LIMITED": "'tally users limits' lists the rate limits",
  ]

  /// How to find out whether a call was applied.
  static func retryAdvice(on request: (any Message)?) -> String {
    guard let request else { return "it may have been applied: check before you try again" }
    if let keyed = request as? any KeyedRequest {
      return
        "it may have been applied: run the same command with --key \(keyed.idempotencyKey) to make sure, "
        + "which applies it once only"
    }
    return request.isHarmlessTwice
      ? "it may have been applied: run the same command again to make sure, which applies it once only"
      : "it may have been applied: check before you try again"
  }

  private var connectionAdvice: String {
    if message.hasSuffix("\(TTRPC.SystemError(number: EACCES, operation: ""))") {
      return "the socket's mode allows only its owner and group to connect; 'ls -l' shows them"
    }
    return SocketPath.advice(inMessage: message)
      ?? "start a server with 'tally serve', or name its socket with --socket"
  }

  private func mismatchAdvice(on request: (any Message)?) -> String {
    if details["page_id"] != nil || details["media_id"] != nil { return "choose another id" }
    let shows = details["transaction_id"].map { "'tally credits show \($0)' shows what the first call did" }
    let another =
      repeatedName(request).map { "a different \($0.kind) needs its own id" }
      ?? "a different call needs a different key"
    return ([shows, another] as [String?]).compactMap { $0 }.joined(separator: "; ")
  }

  /// The payment, or the provider's event, if the key was derived from it and an earlier call differs.
  private func repeatedName(_ request: (any Message)?) -> (kind: String, id: String)? {
    guard reason == "IDEMPOTENCY_MISMATCH", let keyed = request as? any KeyedRequest else { return nil }
    let (kind, id, key): (String, String, String)
    switch request {
    case let it as TallystickV1.AddPurchaseRequest:
      (kind, id, key) = ("payment", it.paymentId, PurchaseCommand.key(payment: it.paymentId))
    case let it as TallystickV1.ReversePurchaseRequest:
      (kind, id, key) = ("event", it.eventId, ReverseCommand.key(event: it.eventId))
    case let it as TallystickV1.ReinstatePurchaseRequest:
      (kind, id, key) = ("event", it.eventId, ReverseCommand.key(event: it.eventId))
    default: return nil
    }
    return keyed.idempotencyKey == key ? (kind, id) : nil
  }

  /// The page that a request changes.
  private static func page(of request: (any Message)?) -> String {
    switch request {
    case let save as TallystickV1.SavePageRequest: save.pageId
    case let patch as TallystickV1.PatchPageRequest: patch.pageId
    case let restore as TallystickV1.RestoreVersionRequest: restore.pageId
    default: "PAGE"
    }
  }

  /// Says that the id in a request is not of the form that holds have.
  private static func unknownHold(of request: (any Message)?, _ details: [String: String]) -> String {
    let id: String? =
      switch request {
      case let capture as TallystickV1.CaptureRequest: capture.holdId
      case let release as TallystickV1.ReleaseRequest: release.holdId
      case let extend as TallystickV1.ExtendRequest: extend.holdId
      default: nil
      }
    guard let id, details["hold_id"] == nil else { return "" }
    return "\(id) is not the id of a hold, which looks like hold-17; "
  }
}
