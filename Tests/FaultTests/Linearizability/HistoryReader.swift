// From calls as they went over the wire to what the judge of histories takes.
//
// Invariants:
// 1. Requests become commands, and the model's answers replies, by the server's own functions, which decide
//    nothing. What is compared is the reply's message, but for its place among the commits.
// 2. Each item of a batch is a decision of its own.
//
// A value, owned by the run.

import TallyCore
import TallyLoad
import TallyMessages

@testable import TallyModel
@testable import TallyServer

/// What was told of a call that had been carried out before.
struct Replayed {
  var record: CallRecord
  var command: Command
  /// nil when it wrote none, or is told without it.
  var row: TallystickV1.Transaction?
  var balance: TallystickV1.Balance?

  /// Whether the row is of this very call, rather than of another about the same payment, event or period.
  fileprivate var isOwn: Bool {
    if case .usage = command { return true }
    return row?.idempotencyKey == command.idempotency.key
  }
}

struct HistoryReader {
  struct Failure: Error { var description: String }

  let wallMicros: Int64
  private(set) var observations: [Observation] = []
  private(set) var replays: [Replayed] = []
  /// Calls of which nobody knows what became.
  private(set) var unknown: [CallRecord] = []
  private(set) var operationCount = 0
  /// Refusals, and what was answered, by name.
  private(set) var counts: [String: Int] = [:]

  init(wallMicros: Int64) { self.wallMicros = wallMicros }

  mutating func add(_ record: CallRecord) throws {
    guard let method = Self.methods[record.method] else {
      throw Failure(description: "no such method: \(record.method)")
    }
    if case .unknown = record.answer {
      if method.isMutation { unknown.append(record) }
      return
    }
    try method.read(record, &self)
  }

  /// Takes what replays tell of calls of this round, of which nobody knew what became: where they stand.
  mutating func take(_ replays: [Replayed]) {
    var places = Set(observations.compactMap(\.place))
    for replay in replays {
      // A row of a later time was written by the retry, or by that of another call with the same key.
      guard let row = replay.row, replay.isOwn, row.createdAtMicros == wallMicros else { continue }
      let place = CommitPoint(sequence: row.commitSequence, position: row.commitPosition)
      guard places.insert(.init(wallMicros, place.sequence, place.position)).inserted else { continue }
      let balance = replay.balance
      add(
        replay.record, "found", replay.command, place: place, userId: row.userId, told: (row, balance)
      ) { expected in
        let (own, after): (Entry?, TallyCore.Balance?)
        switch expected {
        case .outcome(.applied(let receipt)): (own, after) = (receipt.transaction, receipt.balance)
        case .outcome(.usage(.run(let receipt))): (own, after) = (receipt.transaction, receipt.balance)
        default: return "found, expected \(Brief.text(expected))"
        }
        return difference("row", row.placeless, own.map { TallystickV1.Transaction($0) } ?? .init())
          ?? difference("balance", balance, after.map { TallystickV1.Balance($0) })
      }
    }
  }

  mutating func add(
    _ record: CallRecord, _ name: String, _ command: Command, place: CommitPoint?, userId: String = "",
    told: some Sendable, differs: @escaping @Sendable (World.Answer) -> String?
  ) {
    operationCount += 1
    counts[name, default: 0] += 1
    let (method, wallMicros) = (record.method.split(separator: "/").last.map(String.init) ?? "", wallMicros)
    observations.append(
      Observation(
        caller: record.caller, matter: .decision(command, place: place, differs: differs),
        wallMicros: wallMicros, beganNanoseconds: record.beganNanoseconds,
        endedNanoseconds: record.endedNanoseconds,
        userIds: [userId.isEmpty ? command.userId : userId].filter { !$0.isEmpty },
        tell: { "\(method) \(Brief.text(command)) -> \(Brief.text(told))" }))
  }

  mutating func addRead(
    _ record: CallRecord, commitSequence: Int64, userIds: [String], told: some Sendable,
    differs: @escaping @Sendable (World, Int64) -> String?
  ) {
    operationCount += 1
    let method = record.method.split(separator: "/").last.map(String.init) ?? ""
    counts[method, default: 0] += 1
    observations.append(
      Observation(
        caller: record.caller, matter: .read(commitSequence: commitSequence, differs: differs),
        wallMicros: wallMicros, beganNanoseconds: record.beganNanoseconds,
        endedNanoseconds: record.endedNanoseconds, userIds: userIds,
        tell: { "\(method) \(userIds.count > 3 ? "all" : "\(userIds)") -> \(Brief.text(told))" }))
  }

  mutating func addReplay(
    _ record: CallRecord, _ command: Command, _ row: TallystickV1.Transaction? = nil,
    _ balance: TallystickV1.Balance? = nil
  ) {
    operationCount += 1
    counts["replay", default: 0] += 1
    replays.append(Replayed(record: record, command: command, row: row, balance: balance))
  }

  /// A refusal of one command.
  mutating func addRefusal(
    _ record: CallRecord, _ command: Command, _ reason: String, _ details: [String: String]
  ) {
    let place = Place(details).map { CommitPoint(sequence: $0.commitSequence, position: $0.position) }
    add(record, reason, command, place: place, told: "\(reason) \(Brief.text(details))") { expected in
      let refused: (reason: String, details: [String: String])
      switch expected {
      case .outcome(.refused(let refusal)): refused = (refusal.reason.rawValue, refusal.details)
      case .page(.refused(let expected)): refused = (expected.rawValue, [:])
      default: return "refused with \(reason), expected \(Brief.text(expected))"
      }
      let agrees = refused.details.allSatisfy { details[$0.key] == $0.value }
      return refused.reason == reason && agrees
        ? nil : "refused with \(reason) \(Brief.text(details)), expected \(Brief.text(refused))"
    }
  }
}

extension Command {
  /// Whom it names.
  fileprivate var userId: String {
    switch self {
    case .usage(.begin(let it)): it.userId
    case .usage(.record(let it)): it.userId
    case .admin(.putSettings(let it, _)): it.userId
    case .admin(.putCaps(let userId, _)): userId
    case .page(.create(let it)): it.userId
    default: ownUserId
    }
  }
}

/// A value without what is empty, for whoever reads a violation.
enum Brief {
  static func text(_ value: Any) -> String {
    if value is Digest { return "" }
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional: return mirror.children.first.map { text($0.value) } ?? ""
    case .collection: return "[\(mirror.children.map { text($0.value) }.joined(separator: ", "))]"
    case .dictionary:
      return "[\(mirror.children.map { text($0.value) }.sorted().joined(separator: ", "))]"
    case .struct, .tuple:
      let fields = mirror.children.compactMap { child -> String? in
        let text = text(child.value)
        let isEmpty = ["", "0", "[]", "()", "false", "nil"].contains(text)
        return isEmpty ? nil : "\(child.label.map { "\($0) " } ?? "")\(text)"
      }
      return mirror.children.isEmpty ? "\(value)" : "(\(fields.joined(separator: ", ")))"
    case .enum where !mirror.children.isEmpty:
      return mirror.children.map { "\($0.label ?? "") \(text($0.value))" }.joined()
    default: return "\(value)"
    }
  }
}
