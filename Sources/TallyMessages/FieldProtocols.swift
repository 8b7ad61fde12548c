// What requests and responses have in common: protocols that ask for fields and for nothing else.
//
// Invariants:
// 1. Every request and response that has the fields conforms: scripts/generator/swift_fields.py has the same
//    table and writes the conformances. A field that is added there is added here.

/// A request that is applied once, whatever happens on the way.
package protocol KeyedRequest: Message {
  var idempotencyKey: String { get }
}

/// A request for one page of a list.
package protocol PagedRequest: Message {
  var cursor: String { get set }
  var limit: Int32 { get set }
}

/// A request that says whose rows it is about.
package protocol NamesUser: Message {
  /// The one user that it names; nil when there is none, or more than one.
  var namedUserId: String? { get }
}

/// A request with a field `user_id`. Those with `user_ids`, or with items that have one, are `NamesUser`.
package protocol NamesUserById: NamesUser {
  var userId: String { get }
}

extension NamesUserById {
  package var namedUserId: String? { userId.isEmpty ? nil : userId }
}

/// The one user that all these ids name, byte for byte; nil when there are several.
func sharedUserId(_ userIds: some Sequence<String>) -> String? {
  var shared: String?
  for userId in userIds {
    if let shared, !shared.utf8.elementsEqual(userId.utf8) { return nil }
    shared = userId
  }
  return shared.flatMap { $0.isEmpty ? nil : $0 }
}

/// The response of a method that moves money.
package protocol MoneyResponse: Message {
  var transaction: TallystickV1.Transaction? { get set }
  var balance: TallystickV1.Balance? { get set }
  var replayed: Bool { get set }
  var commitSequence: Int64 { get set }
  var commitPosition: Int32 { get set }
}

/// The response of a method that moves a hold.
package protocol HoldResponse: MoneyResponse {
  var hold: TallystickV1.Hold? { get set }
}

/// The response of a method that writes a run.
package protocol RunResponse: Message {
  var run: TallystickV1.Run? { get set }
  var replayed: Bool { get set }
  var commitSequence: Int64 { get set }
  var commitPosition: Int32 { get set }
}

/// The response of a method that changes a page.
package protocol PageChangeResponse: Message {
  var change: TallystickV1.PageChange? { get set }
}
