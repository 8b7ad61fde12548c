// What the everyday verbs of credit share: arguments for amounts and times, replies as text.
//
// Values, owned by nobody.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages
internal import TallyProtoJSON

/// How results are printed.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print the reply as JSON.")
  var json = false

  @Flag(help: "Print whole tables on a terminal, however wide. A pipe or a file gets them whole anyway.")
  var wide = false

  /// Into which tables are to fit; nil prints them whole.
  var columns: Int? {
    let columns = System.outputIsTerminal && !wide ? System.outputColumns : 0
    return columns > 0 ? columns : nil
  }

  /// Says on standard error how a call failed; what to end with.
  /// - Parameter request: what was asked, where the next step depends on it.
  func report(_ error: TallyError, to request: (any Message)? = nil) -> ExitCode {
    System.writeError(
      json ? "\(error.json(to: request).pretty)\n" : "tally: \(error.text(to: request))\n")
    return error.exitStatus.code
  }

  /// Prints what is for people, as wide as the terminal.
  func print(_ text: () -> String) {
    System.writeOutput(Layout.$columns.withValue(columns, operation: text))
  }

  /// Says on standard error that a list is empty: it is no failure, but may be a name that is misspelt.
  func note(empty: Bool, _ text: @autoclosure () -> String) {
    if empty, !json { System.writeError("tally: \(JSON.plain(text()))\n") }
  }
}

/// What a mutation takes beside its own arguments.
struct MutationOptions: ParsableArguments {
  @Option(help: "The idempotency key; a new one is made when it is left out.")
  var key: String?

  /// A script whose variable is not set would else get a new key with each try.
  func validate() throws {
    if key?.isEmpty == true { throw ValidationError("--key must not be empty; leave it out for a new key") }
  }

  /// The given key, or a new one.
  var idempotencyKey: String { key ?? IdempotencyKey.next() }
}

struct TextOptions: ParsableArguments {
  @Option(help: "Free text for the ledger row.")
  var description = ""

  @Option(
    name: .customLong("meta"), parsing: .singleValue,
    help: ArgumentHelp("Metadata of the ledger row; may be repeated.", valueName: "key=value"))
  var metadata: [String] = []

  func pairs() throws -> [String: String] { try Pairs.parse(metadata) }
}

enum Amounts {
  static let help: ArgumentHelp =
    "Dollars, such as 1.25: without the sign, since a shell takes $1 for a variable of its own."

  /// What an Int64 of micro-USD holds in whole dollars. The server's own limit is lower.
  private static let limit = Dollars.format(Int64.max / 1_000_000 * 1_000_000)

  /// Dollars, or micro-USD.
  static func parse(_ text: String, isMicros: Bool) throws(Failure) -> Int64 {
    if isMicros {
      guard let micros = Int64(text) else {
        throw Failure(.usage, "\(JSON.quoted(text)) is no whole number of micro-USD")
      }
      return micros
    }
    if let micros = Dollars.parse(text) { return micros }
    let shell = #"that is what a shell leaves of "$1.25": write 1.25, without the sign"#
    if text.isEmpty { throw Failure(.usage, "the amount is empty; \(shell)") }
    if text.drop(while: { "+-$".contains($0) }).hasPrefix(".") {
      throw Failure(
        .usage, "\(JSON.quoted(text)) is no amount of dollars, since it begins with a point; \(shell)")
    }
    let form = "such as 1.25, with at most 6 places and below \(limit)"
    throw Failure(.usage, "\(JSON.quoted(text)) is no amount of dollars, \(form)")
  }

  /// The same of what is moved one way only.
  static func positive(_ text: String, isMicros: Bool) throws(Failure) -> Int64 {
    let micros = try parse(text, isMicros: isMicros)
    if micros > 0 { return micros }
    let shell = micros == 0 ? #"; a shell makes 0 of "$10": write 10, without the sign"# : ""
    throw Failure(.usage, "an amount is positive, not \(JSON.plain(text))\(shell)")
  }
}

enum Times {
  static func parse(_ text: String) throws(Failure) -> Int64 {
    guard let micros = Timestamp.parse(text) else {
      throw Failure(
        .usage, "\(JSON.quoted(text)) is no time in UTC, such as 2026-12-31 or 2026-12-31T23:59:59Z")
    }
    return micros
  }

  /// `90s`, `15m`, `2h`, `30d`, to milliseconds.
  static func parseSpan(_ text: String) throws(Failure) -> Int64 {
    let unit: Int64? =
      switch text.last {
      case "s": 1_000
      case "m": 60_000
      case "h": 3_600_000
      case "d": 86_400_000
      default: nil
      }
    guard let unit, let count = Int64(text.dropLast()), count > 0 else {
      throw Failure(.usage, "\(JSON.quoted(text)) is no span of time, such as 90s, 15m, 2h or 30d")
    }
    let (millis, overflows) = count.multipliedReportingOverflow(by: unit)
    if overflows { throw Failure(.usage, "\(JSON.quoted(text)) is too long") }
    return millis
  }
}

extension Times {
  /// Milliseconds as `parseSpan` reads them, in the largest unit that divides them.
  static func formatSpan(_ millis: Int64) -> String {
    let units: [(String, Int64)] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)]
    guard let unit = units.first(where: { millis != 0 && millis % $0.1 == 0 }) else { return "\(millis)ms" }
    return "\(millis / unit.1)\(unit.0)"
  }
}

/// Makes a call and prints what came of it; a refusal goes to standard error.
func perform<Request: Message, Response: Message>(
  _ rpc: RPC<Request, Response>, _ request: Request, _ connection: ConnectionOptions,
  _ output: OutputOptions, text: (Response) -> String
) async throws {
  let response = try await answer(rpc, request, connection, output)
  try show(response, output, text: text)
}

/// Prints a reply.
func show<Response: Message>(_ response: Response, _ output: OutputOptions, text: (Response) -> String) throws
{
  if output.json { return System.writeOutput(try json(response).pretty + "\n") }
  output.print { text(response) }
}

/// The reply of a call, which is made again as the clients do it; a refusal goes to standard error and ends
/// the command.
func answer<Request: Message, Response: Message>(
  _ rpc: RPC<Request, Response>, _ request: Request, _ connection: ConnectionOptions,
  _ output: OutputOptions
) async throws -> Response {
  do {
    return try await connection.call(rpc, request)
  } catch {
    throw output.report(error, to: request)
  }
}

enum Texts {
  static func money(_ reply: some MoneyResponse) -> String {
    var rows: [(String, String)] = []
    if let transaction = reply.transaction {
      let type = transaction.type.word
      rows.append(("transaction", "\(transaction.transactionId) (\(type))"))
      let amount = isHold(transaction.type) ? transaction.holdAmountMicros : transaction.amountMicros
      rows.append((isHold(transaction.type) ? "held" : "amount", Dollars.format(amount)))
      if !transaction.holdId.isEmpty { rows.append(("hold", transaction.holdId)) }
      rows.append(("key", transaction.idempotencyKey + (reply.replayed ? " (replayed)" : "")))
    }
    if let balance = reply.balance {
      // What is replayed is the answer of then.
      let then = reply.replayed ? " (after it, then; 'tally credits balance' shows today's)" : ""
      rows.append(("available", Dollars.format(balance.availableMicros) + then))
      if balance.heldMicros != 0 { rows.append(("on hold", Dollars.format(balance.heldMicros))) }
    }
    return facts(rows)
  }

  private static func isHold(_ type: TallystickV1.TransactionType) -> Bool {
    [.hold, .holdExtend, .holdRelease].contains(type)
  }

  static func facts(_ rows: [(String, String)]) -> String {
    let width = rows.map { $0.0.count }.max() ?? 0
    return rows.map { name, value in
      "\(name)\(String(repeating: " ", count: width - name.count))  "
        + JSON.plain(value) + "\n"
    }.joined()
  }

  static func balances(_ balances: [TallystickV1.Balance]) -> String {
    var table = Table(
      [
        ("USER", .left), ("AVAILABLE", .amount), ("ON HOLD", .amount), ("POSTED", .amount),
        ("PENDING", .amount), ("EXPIRING", .amount), ("NEXT EXPIRY", .time),
      ], optional: ["POSTED", "PENDING", "EXPIRING", "NEXT EXPIRY"])
    for balance in balances {
      let expiry = balance.nextExpiryAtMicros
      table.add([
        balance.userId, Dollars.format(balance.availableMicros), Dollars.format(balance.heldMicros),
        Dollars.format(balance.postedMicros), Dollars.format(balance.pendingMicros),
        expiry == nil ? "-" : Dollars.format(balance.nextExpiryMicros), expiry.map(Timestamp.format) ?? "-",
      ])
    }
    return table.text
  }

  static func transactions(_ rows: [TallystickV1.Transaction], nextCursor: String) -> String {
    var table = Table(
      [
        ("TIME", .time), ("ID", .left), ("TYPE", .left), ("AMOUNT", .amount), ("HELD", .amount),
        ("AVAILABLE", .amount), ("ON HOLD", .amount), ("DETAIL", .left),
      ], optional: ["ON HOLD", "HELD", "ID", "DETAIL"], flexible: "DETAIL")
    for row in rows {
      let details = [row.paymentId, row.planId, row.runId, row.holdId, row.reason, row.description]
      table.add([
        Timestamp.format(row.createdAtMicros), row.transactionId,
        row.type.word,
        isHold(row.type) ? "-" : Dollars.format(row.amountMicros), held(row),
        Dollars.format(row.balanceAfterMicros - row.heldAfterMicros), Dollars.format(row.heldAfterMicros),
        details.filter { !$0.isEmpty }.joined(separator: " "),
      ])
    }
    return table.text + more(nextCursor)
  }

  /// What a row set aside, or gave back.
  static func held(_ row: TallystickV1.Transaction) -> String {
    switch row.type {
    case .hold: Dollars.format(row.holdAmountMicros)
    case .holdRelease: Dollars.format(-row.holdAmountMicros)
    default: "-"
    }
  }

  static func holds(_ holds: [TallystickV1.Hold], nextCursor: String) -> String {
    var table = Table(
      [
        ("HOLD", .left), ("STATE", .left), ("AMOUNT", .amount), ("CAPTURED", .amount),
        ("RELEASED", .amount), ("FORFEITED", .amount), ("EXPIRES", .time), ("RUN", .left),
      ], optional: ["FORFEITED", "RELEASED", "RUN", "CAPTURED"])
    for hold in holds {
      table.add([
        hold.holdId, hold.state.word,
        Dollars.format(hold.amountMicros), Dollars.format(hold.capturedMicros),
        Dollars.format(hold.releasedMicros), Dollars.format(hold.forfeitedMicros),
        Timestamp.format(hold.expiresAtMicros), hold.runId,
      ])
    }
    return table.text + more(nextCursor)
  }

  static func more(_ cursor: String) -> String { cursor.isEmpty ? "" : "more with --cursor \(cursor)\n" }
}
