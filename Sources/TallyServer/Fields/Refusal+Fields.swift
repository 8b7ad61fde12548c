// Refusals of a request for what it holds: a payload that cannot be read, or a field that cannot be taken.

internal import TallyCore
internal import TallyMessages

extension Refusal {
  /// Why a payload is not the method's message.
  init(_ error: DecodeError) {
    switch error {
    case .malformed:
      self.init(.invalidField, "the payload is not a message of this method", details: ["field": "payload"])
    case .budgetExceeded(let limit):
      self.init(
        .invalidField, "the payload takes more than \(limit) bytes of memory",
        details: ["field": "payload", "limit": String(limit)])
    case .duplicateField(let field): self = invalidField(field, "stands there more than once")
    case .invalidUTF8(let field): self = invalidField(field, "is not UTF-8")
    case .containsNUL(let field): self = invalidField(field, "contains a NUL")
    }
  }
}

/// A request whose field cannot be taken.
func invalidField(_ field: String, _ problem: String, limit: Int64? = nil) -> Refusal {
  var details = ["field": field]
  if let limit { details["limit"] = String(limit) }
  return Refusal(.invalidField, "\(field) \(problem)", details: details)
}

func invalidAmount(_ field: String, _ problem: String) -> Refusal {
  Refusal(.invalidAmount, "\(field) \(problem)", details: ["field": field])
}
