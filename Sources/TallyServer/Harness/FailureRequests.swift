// An InjectFailure's fields, checked, and what a call is refused with.
//
// Values, owned by nobody.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

enum FailureRequests {
  typealias Failure = TallystickTestingV1.Failure

  /// - Parameter methods: full names of those that may fail.
  static func injection(
    _ request: TallystickTestingV1.InjectFailureRequest, methods: Set<String>
  ) throws(Refusal) -> Failures.Injection {
    guard let failure = request.failure else { throw invalidField("failure", "must be set") }
    try counts(failure)
    try delay(failure)
    let place = try place(failure, methods)
    guard failure.action == .refuse else {
      try onlyRefusals(failure)
      return Failures.Injection(message: failure, place: place)
    }
    return Failures.Injection(message: failure, place: place, status: try status(failure))
  }

  private static func place(_ failure: Failure, _ methods: Set<String>) throws(Refusal) -> Failures.Place {
    switch failure.action {
    case .refuse, .delay, .dropBefore, .dropAfter:
      if failure.method.isEmpty { return .call(method: nil) }
      if methods.contains(failure.method) { return .call(method: failure.method) }
      let short = methods.filter { $0.hasSuffix("." + failure.method) }
      guard failure.method.contains("/"), let method = short.first, short.count == 1 else {
        throw invalidField("failure.method", "is not a method that can fail, such as CreditService/Consume")
      }
      return .call(method: method)
    case .refuseConnection, .storeFull, .storeDelay, .storeUnknown:
      if !failure.method.isEmpty {
        throw invalidField("failure.method", "must be empty for an action that concerns no method")
      }
      return failure.action == .refuseConnection ? .connection : .commit
    case .unspecified, .unrecognized: throw invalidField("failure.action", "is not an action")
    }
  }

  private static func counts(_ failure: Failure) throws(Refusal) {
    for (count, field) in [(failure.skip, "failure.skip"), (failure.count, "failure.count")]
    where count < 0 || count > Limits.failureRepeatCount {
      throw invalidField(
        field, "must be from 0 to \(Limits.failureRepeatCount)", limit: Int64(Limits.failureRepeatCount))
    }
  }

  private static func delay(_ failure: Failure) throws(Refusal) {
    let isDelay = failure.action == .delay || failure.action == .storeDelay
    if !isDelay, failure.delayMillis != 0 {
      throw invalidField("failure.delay_millis", "is only for DELAY and STORE_DELAY")
    }
    if isDelay, failure.delayMillis < 1 || failure.delayMillis > Limits.failureDelayMillis {
      throw invalidField(
        "failure.delay_millis", "must be from 1 to \(Limits.failureDelayMillis)",
        limit: Limits.failureDelayMillis)
    }
  }

  private static func onlyRefusals(_ failure: Failure) throws(Refusal) {
    let given =
      failure.code != 0
      ? "code"
      : failure.reason != .unspecified
        ? "reason" : !failure.message.isEmpty ? "message" : !failure.details.isEmpty ? "details" : nil
    if let given { throw invalidField("failure.\(given)", "is only for REFUSE") }
  }

  private static func status(_ failure: Failure) throws(Refusal) -> Status {
    try Fields.optional(failure.message, "failure.message", atMost: Limits.failureMessageByteCount)
    if failure.details.count > Limits.metadataEntryCount {
      throw invalidField(
        "failure.details", "has \(failure.details.count) entries; the limit is \(Limits.metadataEntryCount)",
        limit: Int64(Limits.metadataEntryCount))
    }
    for (key, value) in failure.details {
      try Fields.required(key, "failure.details.key", atMost: Limits.metadataKeyByteCount)
      try Fields.optional(value, "failure.details.value", atMost: Limits.metadataValueByteCount)
    }
    let message = failure.message.isEmpty ? "an injected failure" : failure.message
    let given = failure.code == 0 ? nil : StatusCode(rawValue: failure.code)
    if failure.code != 0, given == nil || given == .ok {
      throw invalidField("failure.code", "must be a status code from 1 to 16, or 0")
    }
    guard failure.reason != .unspecified else {
      if !failure.details.isEmpty { throw invalidField("failure.details", "need a reason") }
      return Status(given ?? .unavailable, message)
    }
    guard let name = failure.reason.name,
      let code = Reason(rawValue: name)?.code ?? ServerReason(rawValue: name)?.code
    else { throw invalidField("failure.reason", "is not a reason") }
    return Status(code: given ?? code, message, reason: name, details: failure.details)
  }
}
