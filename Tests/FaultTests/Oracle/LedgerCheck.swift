// The rows of one account's ledger, held to what its callers know.
//
// Invariants:
// 1. Every row belongs to a call that is known, or is of a grant that the server made by itself.
// 2. Every known call that wrote rows has them, and left the account as its reply said.
// 3. A period of a plan is granted once; credit that comes while something is owed pays it in its commit.
//
// A value: of the rows as they were read, and of what is known.

import TallyClient
import TallyMessages
import TallyTestSupport
import Testing

struct LedgerCheck: Sendable {
  var account: Int
  /// In their order.
  var rows: [TallystickV1.Transaction] = []
  /// Of the account, by where they stand.
  var known: [Place: Row] = [:]
  /// Periods of plans that are to be granted by now.
  var grants: Set<GrantKey> = []

  /// Whether a grant of the server may still be to come.
  var lacksGrants: Bool { rows.count { $0.type == .planGrant } < grants.count }

  var violations: [String] {
    var violations = arithmetic
    var seen: Set<Place> = []
    for group in groups {
      let place = group[0].place
      seen.insert(place)
      violations += payments(in: group)
      if group.count(where: { !$0.idempotencyKey.isEmpty }) > 1 { violations.append("two calls at \(place)") }
      if let row = known[place] {
        if Holding(group[group.count - 1]) != row.after {
          violations.append("\(row) was told, the ledger has \(group[group.count - 1])")
        }
      } else if !group.contains(where: { $0.isByServer })
        || group.contains(where: { !$0.idempotencyKey.isEmpty })
      {
        violations.append("nobody asked for \(group)")
      }
    }
    for row in known.values where !seen.contains(row.place) { violations.append("lost: \(row)") }
    return (violations + sums + granted).map { "account \(account): \($0)" }
  }

  /// Rows that were written by one decision.
  private var groups: [[TallystickV1.Transaction]] {
    rows.reduce(into: []) { groups, row in
      if let last = groups.last?.last, last.place == row.place {
        groups[groups.count - 1].append(row)
      } else {
        groups.append([row])
      }
    }
  }

  /// From each row to the next.
  private var arithmetic: [String] {
    var violations: [String] = []
    var before = TallystickV1.Transaction()
    for row in rows {
      if row.version != before.version + 1 || row.sequence <= before.sequence
        || row.balanceAfterMicros != before.balanceAfterMicros + row.amountMicros
        || row.owedAfterMicros != before.owedAfterMicros + row.owedChangeMicros
        || row.owedAfterMicros < 0 || row.balanceAfterMicros < 0
      {
        violations.append("\(row) follows \(before)")
      }
      before = row
    }
    return violations
  }

  /// What came while something was owed, and what of it was paid.
  private func payments(in group: [TallystickV1.Transaction]) -> [String] {
    var dueMicros: Int64 = 0
    var violations: [String] = []
    func settle() {
      if dueMicros > 0 { violations.append("\(dueMicros) of what is owed not paid by \(group)") }
    }
    for row in group {
      switch row.type {
      case .purchase, .planGrant, .promoGrant, .refund, .reinstatement, .adjustment:
        settle()
        let isPending = row.effectiveAtMicros > row.createdAtMicros
        dueMicros = isPending ? 0 : min(max(row.amountMicros, 0), row.owedAfterMicros)
      // A reinstatement forgives, and a reversal takes what it could not take before, ahead of any payment.
      case .owedForgiven, .reversal,
        .void where row.idempotencyKey.isEmpty:
        dueMicros = min(max(0, dueMicros + row.amountMicros), row.owedAfterMicros)
      case .owedPayment: dueMicros -= row.owedMicros
      default: settle()
      }
    }
    settle()
    return violations
  }

  /// What went back of each row, at most what it was.
  private var sums: [String] {
    let amounts = Dictionary(rows.map { ($0.transactionId, abs($0.amountMicros)) }) { first, _ in first }
    var refunded: [String: Int64] = [:]
    var reversed: [String: Int64] = [:]
    for row in rows {
      switch row.type {
      case .refund: refunded[row.refersToTransactionId, default: 0] += row.amountMicros
      case .reversal: reversed[row.refersToTransactionId, default: 0] += row.askedMicros
      case .reinstatement: reversed[row.refersToTransactionId, default: 0] -= row.askedMicros
      default: break
      }
    }
    let back = Array(refunded) + Array(reversed)
    return back.filter { $0.value < 0 || $0.value > amounts[$0.key] ?? 0 }
      .map { "\($0.value) went back of \($0.key), which was \(amounts[$0.key] ?? 0)" }
  }

  private var granted: [String] {
    var violations: [String] = []
    var periods: Set<[String]> = []
    for row in rows where row.type == .planGrant {
      if !periods.insert([row.planId, row.periodStartDate]).inserted {
        violations.append("granted a second time: \(row)")
      }
    }
    for plan in 0..<Workload.grantPlanCount {
      let found = periods.count { $0[0] == Workload.grantPlan(plan) }
      let due = grants.count { $0.plan == plan }
      if found != due { violations.append("\(found) periods of plan \(plan) are granted, not \(due)") }
    }
    return violations
  }
}

extension TallystickV1.Transaction {
  var place: Place { Place(commitSequence: commitSequence, position: commitPosition) }

  fileprivate var isByServer: Bool { type == .planGrant && idempotencyKey.isEmpty }

  /// What the row itself did to what is owed.
  var owedChangeMicros: Int64 {
    switch type {
    case .owed: owedMicros
    case .owedPayment, .owedForgiven: -owedMicros
    default: 0
    }
  }
}

extension Oracle {
  /// Reads the whole ledger of every busy account. What the server is to grant by itself may take a moment.
  func ledgerChecks(_ client: TallyClient) async throws -> [LedgerCheck] {
    let (history, grants) = state.withLock { ($0.history, $0.grants) }
    var checks = (0..<min(accountCount, Workload.busyAccountCount)).map { LedgerCheck(account: $0) }
    for row in history.rows where row.account < checks.count {
      checks[Int(row.account)].known[row.place] = row
    }
    for grant in grants where grant.account < checks.count { checks[Int(grant.account)].grants.insert(grant) }
    for index in checks.indices {
      try await eventually("the grants of account \(index)") {
        checks[index].rows = try await Self.rows(of: index, client)
        return !checks[index].lacksGrants
      }
    }
    return checks
  }

  func checkLedger(_ client: TallyClient) async throws {
    for violation in try await ledgerChecks(client).flatMap(\.violations) { violate(violation) }
  }

  private static func rows(of account: Int, _ client: TallyClient) async throws -> [TallystickV1.Transaction]
  {
    var rows: [TallystickV1.Transaction] = []
    var request = TallystickV1.ListTransactionsRequest()
    request.userId = Call.user(account)
    request.limit = 1_000
    repeat {
      let page = try await client.call(TallystickV1.CreditService.listTransactions, request)
      rows += page.transactions
      request.cursor = page.nextCursor
    } while !request.cursor.isEmpty
    return rows.reversed()
  }
}
