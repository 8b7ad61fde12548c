// All alert rules, so arranged that a change of a figure finds those that it crosses by a search.
//
// Invariants:
// 1. What a change costs that crosses nothing grows with the logarithm of the number of rules.
// 2. A book never changes: with another rule there is another book.
//
// Owner: whoever has it; the writer's queue makes new ones.

package final class AlertBook: Sendable, Equatable {
  struct Line: Sendable {
    var threshold: Int64
    var ruleId: String
  }

  /// The lines of one scope, of one figure.
  struct Lines: Sendable {
    /// By threshold, then by id.
    private var lines: [Line] = []

    var isEmpty: Bool { lines.isEmpty }
    var count: Int { lines.count }

    mutating func insert(_ threshold: Int64, _ ruleId: String) {
      lines.insert(Line(threshold: threshold, ruleId: ruleId), at: place(threshold, ruleId))
    }

    mutating func remove(_ threshold: Int64, _ ruleId: String) {
      let index = place(threshold, ruleId)
      guard index < lines.count, lines[index].threshold == threshold,
        lines[index].ruleId.isExactly(ruleId)
      else { return }
      lines.remove(at: index)
    }

    private func place(_ threshold: Int64, _ ruleId: String) -> Int {
      first { $0.threshold > threshold || ($0.threshold == threshold && !($0.ruleId.isBefore(ruleId))) }
    }

    /// The first line that is so, and all after it; a search.
    private func first(_ isSo: (Line) -> Bool) -> Int {
      var (low, high) = (0, lines.count)
      while low < high {
        let middle = (low + high) / 2
        if isSo(lines[middle]) { high = middle } else { low = middle + 1 }
      }
      return low
    }

    /// The lines that a figure falls below: it was at or above them.
    func crossed(falling change: FigureChange) -> ArraySlice<Line> {
      change.after < change.before ? crossed(above: change.after, through: change.before) : []
    }

    /// The lines that a figure rises above: it was at or below them.
    func crossed(rising change: FigureChange) -> ArraySlice<Line> {
      change.after > change.before ? crossed(above: change.before - 1, through: change.after - 1) : []
    }

    /// The lines that a figure reaches from below.
    func crossed(reaching change: FigureChange) -> ArraySlice<Line> {
      change.after > change.before ? crossed(above: change.before, through: change.after) : []
    }

    /// The lines at or above a threshold.
    func from(_ threshold: Int64) -> ArraySlice<Line> { lines[first { $0.threshold >= threshold }...] }

    /// The lines at a threshold.
    func at(_ threshold: Int64) -> ArraySlice<Line> { crossed(above: threshold - 1, through: threshold) }

    private func crossed(above lower: Int64, through upper: Int64) -> ArraySlice<Line> {
      lines[first { $0.threshold > lower }..<first { $0.threshold > upper }]
    }
  }

  /// The lines of all figures.
  struct Scope: Sendable {
    var balance = Lines()
    var owed = Lines()
    /// In percent of the limit.
    var quotas: [QuotaKind: Lines] = [:]
    /// The same.
    var caps = Lines()
    /// Of credit that expires, in milliseconds.
    var expiries = Lines()

    var isEmpty: Bool { count == 0 }
    var count: Int {
      quotas.values.reduce(balance.count + owed.count + caps.count + expiries.count) { $0 + $1.count }
    }

    func isCrossed(by step: FigureStep) -> Bool {
      !balance.crossed(falling: step.available).isEmpty || !owed.crossed(rising: step.owed).isEmpty
    }
  }

  let rules: [ExactText: AlertRule]
  let everyUser: Scope
  /// Over all plans, so that a user's plan is looked up only when something may be crossed.
  let anyPlan: Scope
  let byPlan: [ExactText: Scope]
  let byUser: [ExactText: Scope]
  /// Of which some rule is.
  private let quotaKinds: Set<QuotaKind>
  /// Whether there is a rule of caps, of whomever.
  let hasCapRules: Bool
  /// Those of all rules of credit that expires, in ascending order.
  let expiryWindows: [Int64]

  private init(
    _ rules: [ExactText: AlertRule], _ everyUser: Scope, _ anyPlan: Scope, _ byPlan: [ExactText: Scope],
    _ byUser: [ExactText: Scope]
  ) {
    (self.rules, self.everyUser, self.anyPlan) = (rules, everyUser, anyPlan)
    (self.byPlan, self.byUser) = (byPlan, byUser)
    quotaKinds = Set(
      rules.values.compactMap { if case .quotaAt(let kind, _) = $0.condition { kind } else { nil } })
    hasCapRules = rules.values.contains { if case .capAt = $0.condition { true } else { false } }
    expiryWindows = Set(rules.values.compactMap(\.condition.expiryWindowMillis)).sorted()
  }

  /// nil for no rules.
  package convenience init?(_ all: some Sequence<AlertRule>) {
    var draft = Draft()
    for rule in all { draft.put(rule) }
    if draft.rules.isEmpty { return nil }
    self.init(draft.rules, draft.everyUser, draft.anyPlan, draft.byPlan, draft.byUser)
  }

  package static func == (left: AlertBook, right: AlertBook) -> Bool {
    left === right || left.rules == right.rules
  }

  /// With a rule, or without the one of that id.
  static func changing(_ book: AlertBook?, _ id: String, to rule: AlertRule?) -> AlertBook? {
    var draft = Draft(book)
    if let rule { draft.put(rule) } else { draft.remove(id) }
    if draft.rules.isEmpty { return nil }
    return AlertBook(draft.rules, draft.everyUser, draft.anyPlan, draft.byPlan, draft.byUser)
  }

  /// Whether there is a rule of a quota, of whomever.
  func hasQuotaRules(_ kind: QuotaKind) -> Bool { quotaKinds.contains(kind) }

  /// How many windows of credit that expires there are without those of one rule.
  func expiryWindows(without ruleId: String) -> Set<Int64> {
    Set(rules.values.lazy.filter { !$0.id.isExactly(ruleId) }.compactMap(\.condition.expiryWindowMillis))
  }

  /// Rules of a scope.
  func count(of scope: AlertRule.Scope) -> Int {
    switch scope {
    case .everyUser: everyUser.count
    case .plan(let id): byPlan[ExactText(id)]?.count ?? 0
    case .user(let id): byUser[ExactText(id)]?.count ?? 0
    }
  }

  private struct Draft {
    var rules: [ExactText: AlertRule] = [:]
    var everyUser = Scope()
    var anyPlan = Scope()
    var byPlan: [ExactText: Scope] = [:]
    var byUser: [ExactText: Scope] = [:]

    init(_ book: AlertBook? = nil) {
      guard let book else { return }
      (rules, everyUser, anyPlan) = (book.rules, book.everyUser, book.anyPlan)
      (byPlan, byUser) = (book.byPlan, book.byUser)
    }

    mutating func put(_ rule: AlertRule) {
      remove(rule.id)
      rules[ExactText(rule.id)] = rule
      change(rule) { $0.insert($1, rule.id) }
    }

    mutating func remove(_ id: String) {
      guard let rule = rules.removeValue(forKey: ExactText(id)) else { return }
      change(rule) { $0.remove($1, id) }
    }

    private mutating func change(_ rule: AlertRule, _ body: (inout Lines, Int64) -> Void) {
      func change(_ scope: inout Scope) {
        switch rule.condition {
        case .balanceBelow(let micros): body(&scope.balance, micros)
        case .owedAbove(let micros): body(&scope.owed, micros)
        case .quotaAt(let kind, let percent): body(&scope.quotas[kind, default: Lines()], percent)
        case .capAt(let percent): body(&scope.caps, percent)
        case .creditExpires(let millis): body(&scope.expiries, millis)
        }
      }
      switch rule.scope {
      case .everyUser: change(&everyUser)
      case .plan(let id):
        change(&anyPlan)
        Self.change(ExactText(id), in: &byPlan, change)
      case .user(let id): Self.change(ExactText(id), in: &byUser, change)
      }
    }

    private static func change(
      _ key: ExactText, in scopes: inout [ExactText: Scope], _ body: (inout Scope) -> Void
    ) {
      body(&scopes[key, default: Scope()])
      if scopes[key]?.isEmpty == true { scopes[key] = nil }
    }
  }
}

extension String {
  fileprivate func isBefore(_ other: String) -> Bool { ExactText(self) < ExactText(other) }
}
