// Callers that all want something of the same few users at once.
//
// Values, owned by the test.

import Dispatch
import TallyCore
import TallyLocking
internal import TallySQLiteStore

@testable import TallyModel

/// What callers know of each other: the holds and commands to quarrel about.
final class CommonGround: Sendable {
  private struct State {
    var holds: [Int64] = []
    var commands: [Command] = []
    var runs: [String] = []
    var rows: [Entry] = []
  }

  /// How far back callers remember.
  private static let memory = 64

  private let state = Lock(State())

  func add(hold: Int64) {
    state.withLock {
      $0.holds.append(hold)
      if $0.holds.count > Self.memory { $0.holds.removeFirst() }
    }
  }

  func add(_ command: Command) {
    state.withLock {
      $0.commands.append(command)
      if $0.commands.count > Self.memory { $0.commands.removeFirst() }
    }
  }

  func add(run: String) {
    state.withLock {
      $0.runs.append(run)
      if $0.runs.count > Self.memory { $0.runs.removeFirst() }
    }
  }

  /// A row that money may go back of.
  func add(row: Entry) {
    state.withLock {
      $0.rows.append(row)
      if $0.rows.count > Self.memory { $0.rows.removeFirst() }
    }
  }

  func row(_ number: UInt64) -> Entry? {
    state.withLock { $0.rows.isEmpty ? nil : $0.rows[Int(number % UInt64($0.rows.count))] }
  }

  func run(_ number: UInt64) -> String? {
    state.withLock { $0.runs.isEmpty ? nil : $0.runs[Int(number % UInt64($0.runs.count))] }
  }

  func hold(_ number: UInt64) -> Int64? {
    state.withLock { $0.holds.isEmpty ? nil : $0.holds[Int(number % UInt64($0.holds.count))] }
  }

  func command(_ number: UInt64) -> Command? {
    state.withLock { $0.commands.isEmpty ? nil : $0.commands[Int(number % UInt64($0.commands.count))] }
  }
}

struct Caller {
  static let users = ["a", "b", "c", "d", "e", "f"]

  let name: String
  let engine: any Engine
  let ground: CommonGround
  let wallMicros: Int64
  /// Whether a third of the commands are about what went before.
  private let givesBack: Bool
  private var generator: SeededGenerator
  private var count = 0
  private var history = History()

  init(
    name: String, engine: any Engine, ground: CommonGround, wallMicros: Int64, seed: UInt64, givesBack: Bool
  ) {
    self.givesBack = givesBack
    self.name = name
    self.engine = engine
    self.ground = ground
    self.wallMicros = wallMicros
    generator = SeededGenerator(seed: seed)
  }

  /// Makes calls one after the other.
  /// - Parameter operations: how many commands and reads, about.
  mutating func run(operations: Int) async throws -> History {
    while history.decisions.count + history.reads.count < operations {
      if number(10) < 3 {
        try read()
      } else {
        await write((0..<(number(8) == 0 ? number(5) + 1 : 1)).map { _ in command() })
      }
    }
    return history
  }

  private mutating func number(_ bound: UInt64) -> UInt64 { generator.next() % bound }

  private var nanoseconds: UInt64 { DispatchTime.now().uptimeNanoseconds }

  private mutating func read() throws {
    let began = nanoseconds
    let user = Self.users[Int(number(UInt64(Self.users.count)))]
    let snapshot: Snapshot<[Balance]>
    switch number(3) {
    case 0: snapshot = try engine.balances(userIds: Self.users)
    case 1:
      guard let cached = engine.cachedBalance(userId: user) else { return }
      snapshot = Snapshot([cached.value], commitSequence: cached.commitSequence)
    default:
      let one = try engine.balance(userId: user)
      snapshot = Snapshot([one.value], commitSequence: one.commitSequence)
    }
    history.reads.append(
      History.Read(
        caller: name, balances: snapshot.value, commitSequence: snapshot.commitSequence,
        wallMicros: wallMicros,
        beganNanoseconds: began, endedNanoseconds: nanoseconds))
  }

  private mutating func write(_ commands: [Command]) async {
    for command in commands { ground.add(command) }
    let began = nanoseconds
    let (outcomes, ended) = await withCheckedContinuation { continuation in
      let submission = Submission(
        commands: commands, sharer: "", deadlineNanoseconds: nil, byteCount: 256 * commands.count)
      engine.submit(submission, group: nil) {
        continuation.resume(returning: ($0, DispatchTime.now().uptimeNanoseconds))
      }
    }
    for (command, outcome) in zip(commands, outcomes) {
      if givesBack, let row = outcome.newRow { ground.add(row: row) }
      if case .applied(let receipt) = outcome, receipt.transaction.type == .hold, let hold = receipt.hold {
        ground.add(hold: hold.id)
      }
      if case .usage(.run(let receipt)) = outcome, receipt.run.status == .running {
        ground.add(run: receipt.run.runId)
        if let hold = receipt.hold { ground.add(hold: hold.id) }
      }
      history.decisions.append(
        History.Decision(
          caller: name, command: command, outcome: outcome, wallMicros: wallMicros, beganNanoseconds: began,
          endedNanoseconds: ended))
    }
  }

  /// More is wanted than there is.
  private mutating func command() -> Command {
    count += 1
    let key = "\(name)-\(count)"
    let idempotency = Idempotency(key: key, digest: CommandReader.digest(of: key))
    let user = Self.users[Int(number(UInt64(Self.users.count)))]
    let amount = Int64(number(20)) + 1
    if givesBack, number(3) == 0, let row = ground.row(generator.next()) {
      return back(row, user, amount, idempotency)
    }
    let choice = number(100)
    if choice < 8, let again = ground.command(generator.next()) { return again }
    if choice < 28, let hold = ground.hold(generator.next()) {
      return settle(hold, amount, idempotency)
    }
    if choice < 36 { return .usage(usage(user, amount, key, idempotency.digest)) }
    switch choice {
    case 36..<42:
      return .addPurchase(
        Command.AddPurchase(
          userId: user, paymentId: "p\(wallMicros)-\(number(200))", amountMicros: amount,
          idempotency: idempotency))
    case 42..<52:
      let ends = number(2) == 0 ? nil : wallMicros + Int64(number(3_000_000)) + 1
      return .grantPromo(
        Command.GrantPromo(
          userId: user, amountMicros: amount, priority: Int32(number(3)) + 19,
          effectiveAtMicros: ends == nil && number(4) == 0 ? wallMicros + 1_000_000 : nil,
          expiresAtMicros: ends, idempotency: idempotency))
    case 52..<55:
      return .adjust(
        Command.Adjust(
          userId: user, amountMicros: number(2) == 0 ? amount : -amount, actor: "x", reason: "y",
          idempotency: idempotency))
    case 55..<75:
      let ttl = number(4) == 0 ? Int64(1) : Int64(number(4_000)) + 1
      return .reserve(
        Command.Reserve(userId: user, amountMicros: amount, ttlMillis: ttl, idempotency: idempotency))
    default:
      return .consume(Command.Consume(userId: user, amountMicros: amount, idempotency: idempotency))
    }
  }

  /// Something about a row: what its type is for mostly, and what it is not for at times.
  private mutating func back(
    _ row: Entry, _ user: String, _ amount: Int64, _ idempotency: Idempotency
  ) -> Command {
    let some = number(2) == 0 ? nil : amount
    // Two callers may tell of one event.
    let event = number(8) == 0 ? "event\(number(40))" : idempotency.key
    switch (row.type, number(8)) {
    case (_, 0):
      return .forgiveOwed(
        .init(userId: user, amountMicros: some, actor: "x", reason: "y", idempotency: idempotency))
    case (.hold, _):
      return .capture(
        .init(
          holdId: row.sequence, amountMicros: row.holdAmountMicros + amount, mayDraw: number(4) > 0,
          idempotency: idempotency))
    case (.purchase, 1...4):
      let choices: [CreditCommand.OnShortfall] = [.reject, .partial, .owe]
      return .reversePurchase(
        .init(
          paymentId: row.paymentId ?? "", amountMicros: some, eventId: event,
          onShortfall: choices[Int(number(3))], idempotency: idempotency))
    case (.purchase, 5...6):
      return .reinstatePurchase(
        .init(
          paymentId: row.paymentId ?? "", amountMicros: some, eventId: event, idempotency: idempotency))
    case (.purchase, _):
      return .addPurchase(
        .init(
          userId: row.userId, paymentId: idempotency.key, externalRefs: [row.paymentId ?? ""],
          amountMicros: row.amountMicros, idempotency: idempotency))
    case (.promoGrant, _):
      return .voidGrant(
        .init(
          transaction: row.sequence, amountMicros: some, actor: "x", reason: "y", idempotency: idempotency))
    default:
      return .refund(
        .init(debit: .transaction(row.sequence), amountMicros: some, idempotency: idempotency))
    }
  }

  private mutating func usage(
    _ user: String, _ amount: Int64, _ key: String, _ digest: Digest
  ) -> UsageCommand {
    let statuses: [RunStatus] = [.succeeded, .failed, .cancelled]
    let end = UsageCommand.End(status: statuses[Int(number(3))], costMicros: amount)
    if number(2) == 0, let run = ground.run(generator.next()) {
      return .finish(UsageCommand.Finish(runId: run, end: end, digest: digest))
    }
    if number(8) == 0 {
      return .record(
        UsageCommand.Record(userId: user, runId: key, model: "m", type: "t", end: end, digest: digest))
    }
    return .begin(
      UsageCommand.Begin(
        userId: user, runId: number(8) == 0 ? "run\(number(50))" : key, attempt: Int32(number(20) / 18 + 1),
        model: "m", type: "t",
        estimateMicros: number(6) == 0 ? 0 : amount, ttlMillis: Int64(number(4_000)) + 1, digest: digest))
  }

  private mutating func settle(_ hold: Int64, _ amount: Int64, _ idempotency: Idempotency) -> Command {
    switch number(6) {
    case 0: .release(Command.Release(holdId: hold, idempotency: idempotency))
    case 1: .extend(Command.Extend(holdId: hold, ttlMillis: amount * 100, idempotency: idempotency))
    case 2: .capture(Command.Capture(holdId: hold, idempotency: idempotency))
    default: .capture(Command.Capture(holdId: hold, amountMicros: amount, idempotency: idempotency))
    }
  }
}

extension Outcome {
  /// That the command wrote, and no earlier one.
  fileprivate var newRow: Entry? {
    switch self {
    case .applied(let receipt): receipt.replayed ? nil : receipt.transaction
    case .usage(.run(let receipt)): receipt.replayed ? nil : receipt.transaction
    case .planStored, .pricesStored, .page, .admin, .topUp, .refused: nil
    }
  }
}
