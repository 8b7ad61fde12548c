// What must hold of the tables whatever was decided: sums, order, states. An independent look at what
// `TallyCore` has written.

internal import TallyCore

extension MemoryTables {
  /// What does not hold; empty when all does.
  func findings() -> [String] {
    ledgerFindings() + accounts.values.flatMap { findings(of: $0.account) } + booksFindings()
      + moneyBackFindings() + capFindings() + runFindings() + pageFindings() + eventFindings()
  }

  private func ledgerFindings() -> [String] {
    var findings: [String] = []
    var before: WriteSet.LedgerRow?
    for (index, row) in ledger.enumerated() {
      let (entry, name) = (row.entry, "row \(index + 1)")
      if entry.sequence != Int64(index) + 1 { findings.append("\(name): a gap in the sequence") }
      if entry.atMicros < before?.entry.atMicros ?? 0 { findings.append("\(name): time goes back") }
      if entry.balanceAfterMicros < 0 { findings.append("\(name): a negative balance") }
      if let last = before?.entry.commit,
        (entry.commit.sequence, entry.commit.position) < (last.sequence, last.position)
      {
        findings.append("\(name): a commit before the one of the row before")
      }
      let hash = Chain.hash(
        of: entry, previous: before?.hash ?? Chain.origin, textDigest: Chain.textDigest(of: entry))
      if row.hash != hash { findings.append("\(name): another hash") }
      before = row
    }
    if books.head.ledgerSequence != Int64(ledger.count) || books.head.hash != before?.hash ?? Chain.origin {
      findings.append("the head is not that of the last row")
    }
    return findings
  }

  private func findings(of account: Account) -> [String] {
    var findings: [String] = []
    func require(_ holds: Bool, _ what: String) {
      if !holds { findings.append("account of \(account.userId): \(what)") }
    }
    let rows = ledger.filter { $0.account == account.id }.map(\.entry)
    var sum: Int64 = 0
    for (index, row) in rows.enumerated() {
      sum += row.amountMicros
      require(row.balanceAfterMicros == sum, "the balance after row \(row.sequence)")
      require(row.version == Int64(index) + 1, "the version of row \(row.sequence)")
    }
    require(account.postedMicros == sum, "posted \(account.postedMicros), rows sum to \(sum)")
    require(account.version == Int64(rows.count) && account.head == rows.last?.sequence ?? 0, "the last row")
    require(account.lots.reduce(0) { $0 + $1.remainingMicros } == sum, "what is left of the lots")
    for lot in account.lots {
      let isSound =
        0 <= lot.pinnedMicros && lot.pinnedMicros <= lot.remainingMicros && 0 < lot.remainingMicros
      require(isSound && lot.remainingMicros <= lot.amountMicros, "lot \(lot.id)")
    }
    let holds = openHolds(account: account.id)
    let held = holds.reduce(0) { $0 + $1.amountMicros }
    require(account.heldMicros == held, "held \(account.heldMicros), holds sum to \(held)")
    require(account.lots.reduce(0) { $0 + $1.pinnedMicros } == held, "what the lots pin")
    require(account.openHoldCount == Int64(holds.count), "the number of open holds")
    let isGranted = settings[account.id]?.automaticSubscription != nil
    require(account.nextGrantAtMicros == nil || isGranted, "the next grant of no subscription")
    require(account.isSuspended == settings[account.id]?.isSuspended ?? false, "whether it is suspended")
    require(account.nextHoldExpiryMicros == holds.first?.expiresAtMicros, "the next hold to expire")
    var parts: [Int64?: Int64] = [:]
    var owed: Int64 = 0
    for row in rows {
      let micros = owedChange(of: row)
      if micros != 0 { parts[row.refersTo, default: 0] += micros }
      owed += micros
      require(row.owedAfterMicros == owed && owed >= 0, "what is owed after row \(row.sequence)")
    }
    require(account.owed.map(\.amountMicros).allSatisfy { $0 > 0 }, "parts of what is owed")
    for part in account.owed { require(parts[part.purchase] == part.amountMicros, "\(part)") }
    require(account.owedMicros == owed, "owed \(account.owedMicros), rows sum to \(owed)")
    for lot in account.lots {
      let short = referred[lot.id]?.byType.values.reduce(0) { $0 + $1.shortMicros } ?? 0
      require(lot.shortMicros == short && short >= 0, "lot \(lot.id): \(lot.shortMicros) short, not \(short)")
      let isTaken = lot.shortMicros > 0 || account.owed.contains { $0.purchase == lot.id }
      require(!isTaken || lot.remainingMicros == lot.pinnedMicros, "lot \(lot.id): something is free")
    }
    return findings
  }

  private func owedChange(of row: Entry) -> Int64 {
    switch row.type {
    case .owed: row.owedMicros
    case .owedPayment, .owedForgiven: -row.owedMicros
    default: 0
    }
  }

  /// What goes back is no more than what was taken or bought.
  private func moneyBackFindings() -> [String] {
    var findings: [String] = []
    for (sequence, sums) in referred {
      guard let row = entry(sequence) else {
        findings.append("rows refer to row \(sequence), which is not there")
        continue
      }
      if row.type == .apiUsage, sums[.refund].amountMicros > -row.amountMicros {
        findings.append("row \(sequence): refunded by more than it took")
      }
      let reversed = sums[.reversal].askedMicros - sums[.reinstatement].askedMicros
      if row.type == .purchase, reversed < 0 || reversed > row.amountMicros {
        findings.append("row \(sequence): \(reversed) are reversed")
      }
    }
    for (id, sequence) in purchases where entry(sequence)?.type != .purchase {
      findings.append("payment \(id.text): row \(sequence) is no purchase")
    }
    return findings
  }

  private func booksFindings() -> [String] {
    var findings: [String] = []
    if plans.values.first(where: \.isDefault)?.id != books.defaultPlanId {
      findings.append("the default plan")
    }
    for account in SystemAccount.allCases {
      let rows = ledger.filter { $0.entry.counterpart == account }
      let sum = rows.reduce(0) { $0 - $1.entry.amountMicros }
      if books.system[account] != sum { findings.append("\(account): \(books.system[account]), not \(sum)") }
    }
    for row in holds.values where row.hold.state != .open {
      let hold = row.hold
      if hold.capturedMicros + hold.releasedMicros + hold.forfeitedMicros != hold.amountMicros {
        findings.append("hold \(hold.id): its parts are not the whole")
      }
    }
    return findings
  }

  private func eventFindings() -> [String] {
    var findings: [String] = []
    for event in accountEvents.map(\.event) {
      guard let crossing = event.crossing else { continue }
      let row = entry(crossing.sequence)
      if row?.commit != event.commit || row?.userId.isExactly(event.userId) != true {
        findings.append("event \(event.id): row \(crossing.sequence) is not of its commit and user")
      }
    }
    if books.lastEventId != Int64(accountEvents.count) { findings.append("the last event's id") }
    findings += topUpFindings()
    if books.alerts != AlertBook(alertRules.values) { findings.append("the book of alert rules") }
    let windows = Set(alertRules.values.compactMap(\.condition.expiryWindowMillis)).sorted()
    if books.expiries.all.map(\.windowMillis) != windows { findings.append("the cursors of expiring credit") }
    return findings
  }

  private func topUpFindings() -> [String] {
    var findings: [String] = []
    for topUp in topUps.values {
      let own = topUpIntents.filter { $0.account == topUp.account }
      let open = own.filter { $0.state == .open }
      if open.map(\.id) != [topUp.openIntentId].compactMap(\.self) {
        findings.append("top-up of \(topUp.userId): its open intent")
      }
      let counted = own.filter { $0.monthNumber == topUp.month?.number }.compactMap { intent -> Int64? in
        switch intent.state {
        case .open: intent.amountMicros
        case .closed: intent.purchase.flatMap { entry($0)?.amountMicros }
        case .failed, .cancelled: nil
        }
      }
      if counted.reduce(0, +) != topUp.month?.micros ?? 0 || counted.count != topUp.month?.count ?? 0 {
        findings.append("top-up of \(topUp.userId): what counts towards its caps")
      }
      let line = topUp.isEnabled && open.isEmpty ? topUp.thresholdMicros : nil
      if account(id: topUp.account)?.account.topUpBelowMicros != line {
        findings.append("top-up of \(topUp.userId): the line that its account knows")
      }
    }
    let closing = ledger.map(\.entry).filter { $0.intentId != nil }.map {
      "\($0.intentId ?? "") \($0.sequence)"
    }
    let closed = topUpIntents.compactMap { intent in
      intent.purchase.map { "\(Identifiers.intent(intent.id)) \($0)" }
    }
    let purchases = topUpIntents.compactMap(\.purchase)
    // One that was added without it may close an intent later.
    let areOthersUnnamed = purchases.allSatisfy { sequence in
      entry(sequence).map { $0.intentId == nil || closed.contains("\($0.intentId ?? "") \(sequence)") }
        ?? false
    }
    if !Set(closing).isSubset(of: closed) || Set(purchases).count != purchases.count || !areOthersUnnamed {
      findings.append("the purchases of closed intents")
    }
    if books.lastIntentId != Int64(topUpIntents.count) { findings.append("the last intent's id") }
    return findings
  }

  private func runFindings() -> [String] {
    var findings: [String] = []
    for (name, stored) in runs {
      if name.attempt > 1 {
        let before = runs[RunName(stored.run.runId, attempt: name.attempt - 1)]
        if before?.account != stored.account || ![.failed, .cancelled].contains(before?.run.status) {
          findings.append("run \(name): the attempt before")
        }
      }
      guard stored.run.status != .running, !stored.run.isRecorded else { continue }
      if stored.run.costMicros != stored.run.chargedMicros + stored.run.uncollectedMicros {
        findings.append("run \(name): its cost is not what was charged and what was not")
      }
    }
    let ended = endedRuns(account: 0, from: Int64.min, to: Int64.max)
    if totals(of: ended).all != books.runTotal { findings.append("the sums over all runs") }
    return findings
  }

  private func pageFindings() -> [String] {
    var findings: [String] = []
    for page in pages.values {
      let (facts, count) = (page.facts, Int64(versions[page.id]?.count ?? 0))
      let gone = count - Int64(allVersions(page: page.id).count)
      if page.thinnedCount != gone { findings.append("page \(facts.pageId): \(gone) versions are gone") }
      for number in [facts.publishedVersion, facts.schedule?.version].compactMap({ $0 })
      where version(page: page.id, number)?.isAutosave != false {
        findings.append("page \(facts.pageId): version \(number) may be thinned")
      }
      if facts.currentVersion != count { findings.append("page \(facts.pageId): \(count) versions") }
      if let published = facts.publishedVersion, published < 1 || published > count {
        findings.append("page \(facts.pageId): version \(published) is published")
      }
      let shown = version(page: page.id, facts.currentVersion)?.content.mediaIds ?? []
      let detaching = shown.filter { media[$0]?.detachingAuthor != nil }
      if liveMedia(shown, account: page.account).count + detaching.count != shown.count {
        findings.append("page \(facts.pageId): shows media that are gone")
      }
    }
    return findings
  }
}
