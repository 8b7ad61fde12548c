// What may be spent or begun within a window of time.
//
// Invariants:
// 1. A cap's id is unique in its list: a plan's, a user's, a spender's. One of the same id in a user's or a
//    spender's list takes the place of the plan's.

/// What a cap counts. Numbers are the wire's and the disk's; never reused.
public enum CapMeasure: Int32, Sendable, CaseIterable {
  /// Micro-USD charged, drawn or owed, and set aside by open holds.
  case money = 1
  /// Runs that have succeeded or are under way.
  case generations = 2

  /// As a refusal's details name it.
  public var name: String {
    switch self {
    case .money: "MONEY"
    case .generations: "GENERATIONS"
    }
  }
}

/// What a counter counts, and over which window: all of a cap but its id and its limit.
public struct CapSubject: Sendable, Hashable {
  public var measure: CapMeasure
  public var window: CapWindow
  /// Runs of this model only; all charges when empty. So is the type.
  public var model: ExactText
  public var type: ExactText

  public init(
    _ measure: CapMeasure, _ window: CapWindow, model: ExactText = ExactText(""),
    type: ExactText = ExactText("")
  ) {
    self.measure = measure
    self.window = window
    self.model = model
    self.type = type
  }

  /// Whether a charge or a run counts. What is charged outside of a run has neither model nor type.
  package func takes(model: ExactText, type: ExactText) -> Bool {
    (self.model.text.isEmpty || self.model == model) && (self.type.text.isEmpty || self.type == type)
  }
}

public struct Cap: Sendable, Equatable {
  public var id: String
  public var subject: CapSubject
  /// Micro-USD or runs, by what is counted. nil: no limit, in a list that takes another one's away.
  public var limit: Int64?

  public init(id: String, _ subject: CapSubject, limit: Int64?) {
    self.id = id
    self.subject = subject
    self.limit = limit
  }

  public static func == (left: Self, right: Self) -> Bool {
    left.id.isExactly(right.id) && left.subject == right.subject && left.limit == right.limit
  }
}

/// A user's caps that are not the plan's: those of the account itself, or of one of its spenders.
public struct CapList: Sendable, Equatable {
  /// Empty for the account itself.
  public var spender: String
  public var caps: [Cap]

  /// In one list, of whomever.
  public static let maximumCaps = 16
  /// In all lists of one user.
  public static let maximumOfAUser: Int64 = 1_000

  public init(spender: String, caps: [Cap]) {
    self.spender = spender
    self.caps = caps
  }

  public static func == (left: Self, right: Self) -> Bool {
    left.spender.isExactly(right.spender) && left.caps == right.caps
  }
}

/// Whose caps, and whose counters: an account's own, or those of one of its spenders.
package struct CapKey: Hashable, Comparable {
  package var account: Int64
  package var spender: ExactText

  package init(account: Int64, spender: String) {
    self.account = account
    self.spender = ExactText(spender)
  }

  package static func < (left: Self, right: Self) -> Bool {
    left.account != right.account ? left.account < right.account : left.spender < right.spender
  }
}

extension [Cap] {
  /// These, with those of `other` in the place of those that have the same id, and beside them. The longest
  /// window comes first, then the order of ids: the first one exceeded is what a refusal names.
  func overridden(by other: [Cap]) -> [Cap] {
    let ids = Set(other.map { ExactText($0.id) })
    return (filter { !ids.contains(ExactText($0.id)) } + other).sorted {
      let (left, right) = ($0.subject.window.nominalHours, $1.subject.window.nominalHours)
      return left != right ? left > right : ExactText($0.id) < ExactText($1.id)
    }
  }
}
