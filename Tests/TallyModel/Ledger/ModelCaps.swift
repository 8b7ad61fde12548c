// Caps of the model: sums over its own rows and runs, made anew whenever somebody asks.
//
// Values; part of the model.

import TallyCore

/// Something that counts, and when.
private struct ModelSpend {
  var micros: Int64 = 0
  var generations: Int64 = 0
  var at: Int64
  var spender: String
  var run: Run?
}

/// How much is used of a cap at some time.
struct ModelCapFigure {
  var userId: String
  var spender: String
  var cap: Cap
  var used: Int64
}

extension ModelZone {
  /// The times that count in a window of another one.
  fileprivate func counted(in window: CapWindow, at time: Int64) -> Range<Int64> {
    let hour: Int64 = 3_600_000_000
    let today = date(at: time)
    switch window {
    case .last(let hours):
      let end = (time / (hour / 4) + 1) * (hour / 4)
      return end - Int64(hours) * hour..<end
    case .hour:
      let start = (time + offset(at: time)) / hour * hour - offset(at: time)
      return start..<start + hour
    case .day: return start(of: today)..<start(of: today + 1)
    case .week:
      // The epoch was a Thursday.
      let monday = today - (today + 3) % 7
      return start(of: monday)..<start(of: monday + 7)
    case .month:
      let month = period(nil, at: time)
      return month.start..<month.end
    }
  }
}

extension CapWindow {
  fileprivate var length: Int {
    switch self {
    case .hour: 1
    case .day: 24
    case .week: 168
    case .month: 744
    case .last(let hours): hours
    }
  }
}

extension LedgerModel {
  mutating func put(_ list: CapList, of userId: String, at time: Int64) throws(Refusal) -> AdminOutcome {
    let name = [ExactText(userId), ExactText(list.spender)]
    if ownCaps[name] ?? [] == list.caps { return .capsStored(list, unchanged: true, commit: .none) }
    ownCaps[name] = list.caps
    hasWritten = true
    // It makes the user.
    if users[ExactText(userId)] == nil { keep(ModelUser(userId: userId, at: time)) }
    return .capsStored(list, unchanged: false, commit: .none)
  }

  /// - Parameters:
  ///   - user: at the time of the command, before it.
  ///   - run: what is to begin.
  func requireCaps(
    _ user: ModelUser, _ spender: String, _ micros: Int64, run: (model: String, type: String)? = nil
  ) throws(Refusal) {
    for subject in spender.isEmpty ? [""] : ["", spender] {
      for cap in caps(of: user.userId, subject) {
        guard let limit = cap.limit, cap.subject.measure == .money || run != nil else { continue }
        let (model, type) = (cap.subject.model.text, cap.subject.type.text)
        guard model.isEmpty || model == run?.model, type.isEmpty || type == run?.type else { continue }
        let used = used(of: cap, user, spends(of: user), subject)
        let isMoney = cap.subject.measure == .money
        let wanted = isMoney ? max(1, micros) : 1
        if used <= limit, wanted <= limit - used { continue }
        let unit = isMoney ? "_micros" : ""
        var details = ["cap": cap.id, "used\(unit)": "\(used)", "limit\(unit)": "\(limit)"]
        details["spender"] = subject.isEmpty ? nil : subject
        throw Refusal(.capExceeded, "", details: details)
      }
    }
  }

  private func caps(of userId: String, _ spender: String) -> [Cap] {
    let plan = plan(of: userId)
    let own = ownCaps[[ExactText(userId), ExactText(spender)]] ?? []
    let ofPlan = (spender.isEmpty ? plan?.caps : plan?.spenderCaps) ?? []
    let all = own + ofPlan.filter { cap in !own.contains { $0.id == cap.id } }
    return all.filter { $0.limit != nil }.sorted {
      ($1.subject.window.length, $0.id) < ($0.subject.window.length, $1.id)
    }
  }

  /// Of the caps of one subject, by their ids.
  func capUses(_ userId: String, _ spender: String, at time: Int64) -> [String] {
    let caps = caps(of: userId, spender)
    if caps.isEmpty { return [] }
    let user = user(userId, at: time, isRead: true)
    let spends = spends(of: user)
    return caps.map { "\($0.id): \(used(of: $0, user, spends, spender))" }
  }

  /// What is used of all caps of whoever a command may spend or begin something for.
  func capFigures(of command: Command, at time: Int64) -> [ModelCapFigure] {
    let userId: String? =
      switch command {
      case .consume(let it): it.userId
      case .reserve(let it): it.userId
      case .capture(let it): hold(it.holdId)?.userId
      case .release(let it): hold(it.holdId)?.userId
      case .extend(let it): hold(it.holdId)?.userId
      case .usage(.begin(let it)): it.userId
      case .usage(.record(let it)): it.userId
      case .usage(.finish(let it)): runs[RunName(it.runId, attempt: it.attempt)]?.run.userId
      default: nil
      }
    guard let userId else { return [] }
    let caps = ["", "m1", "m2"].flatMap { spender in self.caps(of: userId, spender).map { (spender, $0) } }
    if caps.isEmpty { return [] }
    let user = user(userId, at: time)
    let spends = spends(of: user)
    return caps.map { spender, cap in
      ModelCapFigure(
        userId: userId, spender: spender, cap: cap, used: used(of: cap, user, spends, spender))
    }
  }

  /// The lines of caps that are reached from one state to the next.
  func capSteps(from before: [ModelCapFigure], at time: Int64) -> [ModelCapEvent] {
    var events: [ModelCapEvent] = []
    guard hasWritten, let userId = before.first?.userId else { return [] }
    let user = user(userId, at: time)
    let spends = spends(of: user)
    for figure in before {
      guard let limit = figure.cap.limit, limit > 0 else { continue }
      let after = used(of: figure.cap, user, spends, figure.spender)
      for line in Self.capLines {
        // `used / limit` is at the line or above it.
        func reaches(_ used: Int64) -> Bool { Double(used) >= Double(limit) * Double(line) / 100 }
        if reaches(figure.used) || !reaches(after) { continue }
        events.append(
          ModelCapEvent(
            userId: figure.userId, spender: figure.spender, capId: figure.cap.id, percent: line, used: after,
            at: time))
      }
    }
    return events
  }

  private func used(of cap: Cap, _ user: ModelUser, _ spends: [ModelSpend], _ spender: String) -> Int64 {
    let zone = plan(of: user.userId)?.zone ?? .utc
    let window = zone.counted(in: cap.subject.window, at: user.now)
    let counted = spends.filter { spend in
      guard window.contains(spend.at), spender.isEmpty || spend.spender.isExactly(spender)
      else { return false }
      let (model, type) = (cap.subject.model.text, cap.subject.type.text)
      return (model.isEmpty || model == spend.run?.model) && (type.isEmpty || type == spend.run?.type)
    }
    let isMoney = cap.subject.measure == .money
    return counted.reduce(0) { $0.addingSaturating(isMoney ? $1.micros : $1.generations) }
  }

  /// All that was ever spent, is held or was begun.
  private func spends(of user: ModelUser) -> [ModelSpend] {
    let rows = rows(user.userId) + user.rows
    let own = runs(of: user.userId)
    var spends: [ModelSpend] = []
    var opened: [Int64: (at: Int64, run: Run?)] = [:]
    let ofHolds = Dictionary(own.compactMap { run in run.holdId.map { ($0, run) } }) { first, _ in first }
    let over = Set(rows.filter { ![.hold, .holdExtend].contains($0.type) }.compactMap(\.holdId))
    for row in rows {
      if row.type == .hold, let id = row.holdId {
        let run = ofHolds[id]
        opened[id] = (row.atMicros, run)
        if over.contains(id) { continue }
        spends.append(
          ModelSpend(micros: row.holdAmountMicros, at: row.atMicros, spender: row.spender, run: run))
      }
      let isOwed = row.type == .owed && row.refersTo == nil
      guard row.type == .apiUsage || isOwed else { continue }
      var spend = ModelSpend(
        micros: isOwed ? row.owedMicros : -row.amountMicros, at: row.atMicros, spender: row.spender)
      if let hold = row.holdId.flatMap({ opened[$0] }) {
        (spend.at, spend.run) = hold
      } else if row.idempotency == nil {
        let run = runs[RunName(row.runId, attempt: max(1, row.attempt))]?.run
        (spend.at, spend.run) = (run?.startedAtMicros ?? spend.at, run)
      }
      spends.append(spend)
    }
    for run in own {
      let isUnderWay = run.status == .running && run.expiresAtMicros ?? 0 > user.now
      guard run.status == .succeeded || isUnderWay else { continue }
      spends.append(
        ModelSpend(generations: 1, at: run.startedAtMicros, spender: run.spender, run: run))
    }
    return spends
  }
}
