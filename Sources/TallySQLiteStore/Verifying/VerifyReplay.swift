// The ledger played back from its rows alone: what every account must be.
//
// Invariants:
// 1. It knows rows only; nothing that the store derived from them is looked at here.

internal import TallyCore

struct VerifyReplay {
  struct LotState: Equatable {
    var amountMicros: Int64
    var remainingMicros: Int64
    var pinnedMicros: Int64
    var priority: Int32
    var expiresAtMicros: Int64?
    var rollover: Rollover?

    /// As a row opens it.
    fileprivate init(_ entry: Entry, amountMicros: Int64, remainingMicros: Int64) {
      self.amountMicros = amountMicros
      self.remainingMicros = remainingMicros
      pinnedMicros = 0
      priority = entry.priority
      expiresAtMicros = entry.expiresAtMicros
      rollover = entry.rollover
    }

    /// As it is stored.
    init(_ lot: Lot) {
      amountMicros = lot.amountMicros
      remainingMicros = lot.remainingMicros
      pinnedMicros = lot.pinnedMicros
      priority = lot.priority
      expiresAtMicros = lot.expiresAtMicros
      rollover = lot.rollover
    }
  }

  struct AccountState {
    var userId = ""
    var postedMicros: Int64 = 0
    var heldMicros: Int64 = 0
    var version: Int64 = 0
    var head: Int64 = 0
    var lots: [Int64: LotState] = [:]
    /// When lots become effective that were granted before, for as long as they are open.
    var beginnings: [Int64: Int64] = [:]
    /// By purchase; zero is for usage.
    var owed: [Int64: Int64] = [:]
    var owedMicros: Int64 = 0
    var marks = SkipMarks()
  }

  /// The first row that is in the chain's second format.
  var format2From: Int64 = 1
  /// Finds an earlier row: a lot that was spent is opened again from the row that granted it.
  var find: (Int64) -> Entry? = { _ in nil }
  /// What open holds still pin, by lot.
  private var pins: [Int64: [Int64: Int64]] = [:]
  private(set) var accounts: [Int64: AccountState] = [:]
  private(set) var system = SystemBalances()
  private(set) var sequence: Int64 = 0
  private(set) var hash = Chain.origin
  private(set) var atMicros = Int64.min
  private(set) var commit = CommitPoint(sequence: 0, position: 0)
  /// Rows that open a hold.
  private(set) var holdCount: Int64 = 0
  var chain = VerifyTally()
  var allocations = VerifyTally()
  var balances = VerifyTally()
  var books = VerifyTally()

  /// A row as it is stored.
  struct Row {
    var entry: Entry
    var account: Int64
    var hash: [UInt8]
    var textDigest: [UInt8]?
  }

  mutating func play(_ row: Row) {
    checkChain(row)
    checkAllocations(row)
    let entry = row.entry
    var account = accounts[row.account] ?? AccountState(userId: entry.userId)
    let name = "ledger row \(entry.sequence)"
    chain.expect(
      entry.version == account.version &+ 1, "\(name): version \(entry.version) after \(account.version)")
    chain.expect(
      entry.balanceAfterMicros == account.postedMicros &+ entry.amountMicros,
      "\(name): balance after \(entry.balanceAfterMicros) is not \(account.postedMicros) "
        + "and \(entry.amountMicros)"
    )
    let skip = account.marks.pass(version: entry.version, sequence: entry.sequence)
    chain.expect(
      entry.previous == account.head && entry.skip == skip,
      "\(name): it points to rows \(entry.previous) and \(entry.skip), not \(account.head) and \(skip)")
    account.version = entry.version
    account.head = entry.sequence
    account.postedMicros &+= entry.amountMicros
    apply(entry, to: &account)
    applyOwed(entry, to: &account)
    balances.expect(
      entry.heldAfterMicros == account.heldMicros,
      "\(name): held after \(entry.heldAfterMicros) is not \(account.heldMicros)")
    books.expect(
      entry.balanceAfterMicros >= entry.heldAfterMicros && entry.heldAfterMicros >= 0,
      "\(name): balance \(entry.balanceAfterMicros), held \(entry.heldAfterMicros)")
    books.expect(system.book(entry), "\(name): the books leave the range of int64")
    accounts[row.account] = account
  }

  private mutating func checkChain(_ row: Row) {
    let entry = row.entry
    let name = "ledger row \(entry.sequence)"
    chain.examined += 1
    chain.expect(entry.sequence == sequence &+ 1, "\(name) follows row \(sequence)")
    chain.expect(entry.atMicros >= atMicros, "\(name): time goes back from \(atMicros) to \(entry.atMicros)")
    chain.expect(
      (entry.commit.sequence, entry.commit.position) >= (commit.sequence, commit.position),
      "\(name): commit \(entry.commit.sequence) after \(commit.sequence)")
    let format: Chain.Format = entry.sequence < format2From ? .one : .two
    let hash = Chain.hash(of: entry, previous: hash, textDigest: row.textDigest, format)
    chain.expect(hash == row.hash, "\(name): the hash does not recompute")
    // Text that was erased has left its digest.
    if let digest = Chain.textDigest(of: entry, format) {
      chain.expect(digest == row.textDigest, "\(name): the text is not the one written")
    }
    sequence = entry.sequence
    atMicros = entry.atMicros
    commit = entry.commit
    // Goes on from what is stored, so that one bad row is one finding.
    self.hash = row.hash
  }

  private mutating func checkAllocations(_ row: Row) {
    let entry = row.entry
    let name = "ledger row \(entry.sequence)"
    allocations.examined += 1
    var sum: Int64 = 0
    for lot in entry.lots {
      allocations.expect(lot.amountMicros > 0, "\(name): \(lot.amountMicros) of lot \(lot.lotId)")
      sum &+= lot.amountMicros
    }
    switch entry.type {
    case .hold, .holdRelease:
      allocations.expect(entry.amountMicros == 0, "\(name): a hold moves \(entry.amountMicros)")
      allocations.expect(
        sum == entry.holdAmountMicros, "\(name): lots \(sum), hold \(entry.holdAmountMicros)")
    case .holdExtend:
      allocations.expect(entry.amountMicros == 0 && entry.lots.isEmpty, "\(name): an extension moves credit")
    case .owed, .owedForgiven:
      allocations.expect(entry.amountMicros == 0 && entry.lots.isEmpty, "\(name): what is owed moves credit")
    case .opening, .purchase, .planGrant, .promoGrant, .adjustment, .apiUsage, .refund, .reversal,
      .reinstatement, .expiry, .void, .rollover, .owedPayment:
      allocations.expect(
        sum == entry.amountMicros.magnitude, "\(name): lots \(sum), amount \(entry.amountMicros)")
    }
    if entry.type == .hold { holdCount += 1 }
  }

  /// What the row did to the account's lots.
  private mutating func apply(_ entry: Entry, to account: inout AccountState) {
    for part in entry.lots {
      let amount = part.amountMicros
      if entry.amountMicros > 0 && part.lotId == entry.sequence {
        account.lots[part.lotId] = LotState(entry, amountMicros: amount, remainingMicros: amount)
        if entry.effectiveAtMicros > entry.atMicros {
          account.beginnings[part.lotId] = entry.effectiveAtMicros
        }
        continue
      }
      guard var lot = account.lots[part.lotId] ?? reopened(part.lotId, by: entry) else {
        balances.add("ledger row \(entry.sequence): lot \(part.lotId) has nothing left, or is another user's")
        continue
      }
      let pinned = pinned(by: entry, part)
      lot.pinnedMicros &+= pinned
      account.heldMicros &+= pinned
      switch entry.type {
      case .hold, .holdRelease: break
      default: lot.remainingMicros &-= entry.amountMicros > 0 ? 0 &- amount : amount
      }
      balances.expect(
        0 <= lot.pinnedMicros && lot.pinnedMicros <= lot.remainingMicros
          && lot.remainingMicros <= lot.amountMicros,
        "ledger row \(entry.sequence): lot \(part.lotId) pins \(lot.pinnedMicros) of \(lot.remainingMicros)")
      account.lots[part.lotId] = lot.remainingMicros == 0 ? nil : lot
      if lot.remainingMicros == 0 { account.beginnings[part.lotId] = nil }
    }
    if entry.type == .apiUsage, let holdId = entry.holdId {
      let left = pins.removeValue(forKey: holdId) ?? [:]
      allocations.expect(left.isEmpty, "ledger row \(entry.sequence): hold \(holdId) pins what it leaves")
    }
  }

  /// How much more of a lot is pinned by a part of a row. What a capture takes beyond what its hold pins was
  /// drawn on what was available.
  private mutating func pinned(by entry: Entry, _ part: LotAllocation) -> Int64 {
    guard let holdId = entry.holdId else { return 0 }
    if entry.type == .hold {
      pins[holdId, default: [:]][part.lotId, default: 0] &+= part.amountMicros
      return part.amountMicros
    }
    let before = pins[holdId]?[part.lotId] ?? 0
    let ended = entry.type == .apiUsage ? min(before, part.amountMicros) : part.amountMicros
    pins[holdId]?[part.lotId] = before > ended ? before &- ended : nil
    if pins[holdId]?.isEmpty ?? false { pins[holdId] = nil }
    return 0 &- ended
  }

  /// A lot that was spent and gets credit back.
  private func reopened(_ lotId: Int64, by entry: Entry) -> LotState? {
    guard entry.amountMicros > 0, lotId < entry.sequence, let row = find(lotId), row.amountMicros > 0,
      row.userId.isExactly(entry.userId), let own = row.lots.first(where: { $0.lotId == lotId })
    else { return nil }
    return LotState(row, amountMicros: own.amountMicros, remainingMicros: 0)
  }

  /// What the row did to what the account owes.
  private mutating func applyOwed(_ entry: Entry, to account: inout AccountState) {
    let change: Int64 =
      switch entry.type {
      case .owed: entry.owedMicros
      case .owedPayment, .owedForgiven: Int64(0).subtractingSaturating(entry.owedMicros)
      default: 0
      }
    let name = "ledger row \(entry.sequence)"
    if change != 0 {
      let part = entry.refersTo ?? 0
      let owed = (account.owed[part] ?? 0).addingSaturating(change)
      allocations.expect(owed >= 0, "\(name): \(owed.magnitude) more is paid or forgiven than was owed")
      account.owed[part] = owed == 0 ? nil : owed
      account.owedMicros = account.owedMicros.addingSaturating(change)
    }
    allocations.expect(
      entry.owedAfterMicros == account.owedMicros,
      "\(name): owed after \(entry.owedAfterMicros) is not \(account.owedMicros)")
    // Goes on from what is stored, so that one bad row is one finding.
    account.owedMicros = entry.owedAfterMicros
    if entry.type == .owedPayment {
      allocations.expect(
        Int128(entry.owedMicros) == 0 - Int128(entry.amountMicros),
        "\(name): \(entry.owedMicros) paid by \(entry.amountMicros)")
    }
  }

  /// A row that cannot be read at all.
  mutating func skip(_ sequence: Int64, hash: [UInt8], _ why: String) {
    chain.examined += 1
    chain.add("ledger row \(sequence): \(why)")
    self.sequence = sequence
    self.hash = hash
  }
}
