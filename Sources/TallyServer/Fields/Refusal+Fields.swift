// Refusals of a payload that cannot be decoded, and of a field with a wrong value.

internal import TallyCore
internal import TallyMessages

extension Refusal {
  /// The refusal of a payload that is not the method's message.
  init(_ error: DecodeError) {
    switch error {
    case .malformed:
      self.init(.invalidField, "the payload is not a message of this method", details: ["field": "payload"])
    case .budgetExceeded(let limit):
      self.init(
        .invalidField, "the payload takes more than \(limit) bytes of memory",
        details: ["field": "payload", "limit": String(limit)])
    case .outOfMemory: self.init(.queueFull, "there is no memory for the payload now")
    case .duplicateField(let field): self = invalidField(field, "appears more than once")
    case .invalidUTF8(let field): self = invalidField(field, "is not UTF-8")
    case .containsNUL(let field): self = invalidField(field, "contains a NUL")
    }
  }
}

/// The refusal of a request for one of its fields.
func invalidField(_ field: String, _ problem: String, limit: Int64? = nil) -> Refusal {
  Refusal(.invalidField, "\(field) \(problem)", details: details(field, limit))
}

/// The refusal of a request for one of its amounts.
func invalidAmount(_ field: String, _ problem: String, limit: Int64? = nil) -> Refusal {
  Refusal(.invalidAmount, "\(field) \(problem)", details: details(field, limit))
}

private func details(_ field: String, _ limit: Int64?) -> [String: String] {
  var details = ["field": field]
  if let limit { details["limit"] = String(limit) }
  return details
}
