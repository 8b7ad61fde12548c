// Runs a ledger script against an engine and says, line by line, what came out otherwise.
//
// Invariants:
// 1. A script that does not keep the grammar fails; a line is never passed over.
// 2. What a script does not mention is not compared, but for `replayed`, which is false unless said.
//
// Values; lives for one script.

import TallyCore
internal import TallySQLiteStore

struct ScriptRunner {
  private let rig: any EngineRig
  private var nowMicros: Int64 = 0
  /// Rows that a listing has found and the script has still to name.
  private var listed: [[String: Value]] = []
  private var listedKind = ""
  private var listingLine = 0
  private(set) var failures: [String] = []

  /// The longest page a listing asks for.
  private static let pageLimit = 1_000

  init(rig: any EngineRig) { self.rig = rig }

  /// - Returns: one text for each line that came out otherwise; empty when the script holds.
  static func run(_ script: String, on rig: any EngineRig) -> [String] {
    var runner = ScriptRunner(rig: rig)
    do {
      let lines = script.split(separator: "\n", omittingEmptySubsequences: false)
      for (index, line) in lines.enumerated() { try runner.run(line, number: index + 1) }
      runner.endListing()
    } catch {
      runner.failures.append("\(error)")
    }
    return runner.failures
  }

  private mutating func run(_ text: Substring, number: Int) throws {
    let line = text.prefix { $0 != "\r" }.drop { $0 == " " }
    if line.isEmpty || line.hasPrefix("#") { return }
    if line.hasPrefix("|") { return try compare(row: line.dropFirst(), number: number) }
    endListing()
    if line.hasPrefix("repeat ") { return try repeated(line.dropFirst(7), number: number) }
    let halves = line.split(separator: " -> ", maxSplits: 1)
    var words = try Words(halves[0], line: number)
    let verb = try words.next("verb")
    if CommandReader.verbs.contains(verb) {
      guard halves.count == 2 else { throw ScriptError(line: number, message: "no outcome is named") }
      return try mutate(words, verb: verb, request: String(halves[0]), expected: halves[1])
    }
    switch verb {
    case "balance":
      guard halves.count == 2 else { throw ScriptError(line: number, message: "no balance is named") }
      try balance(words, expected: halves[1])
    case "at": try at(words)
    case "after": try after(words)
    case "restart":
      try words.finish()
      try rig.restart()
    case "rows", "holds", "plans": try list(verb, words)
    default: throw ScriptError(line: number, message: "no such verb: \(verb)")
    }
  }

  /// `repeat N line`, with `{n}` counting from 1.
  private mutating func repeated(_ text: Substring, number: Int) throws {
    guard let space = text.firstIndex(of: " "), let count = Spelling.number(String(text[..<space])) else {
      throw ScriptError(line: number, message: "repeat lacks its number")
    }
    for turn in 1...count {
      let line = text[space...].split(separator: "{n}", omittingEmptySubsequences: false)
        .joined(separator: String(turn))
      try run(line[...], number: number)
    }
  }

  // MARK: Time

  private mutating func at(_ words: Words) throws {
    var words = words
    let text = try words.next("time")
    try words.finish()
    guard let micros = Spelling.time(text, nowMicros: nowMicros) else {
      throw ScriptError(line: words.line, message: "not a time: \(text)")
    }
    set(micros)
  }

  private mutating func after(_ words: Words) throws {
    var words = words
    let text = try words.next("duration")
    try words.finish()
    guard let micros = Spelling.duration(text) else {
      throw ScriptError(line: words.line, message: "not a duration: \(text)")
    }
    set(nowMicros + micros)
  }

  private mutating func set(_ micros: Int64) {
    nowMicros = micros
    rig.setTime(micros: micros)
  }

  // MARK: Mutations and balances

  private mutating func mutate(_ words: Words, verb: String, request: String, expected: Substring) throws {
    let line = words.line
    var reader = CommandReader(words: words, verb: verb, nowMicros: nowMicros, request: request)
    let outcome: Outcome
    do {
      outcome = rig.engine.apply(try reader.command())
    } catch let refusal as Refusal {
      outcome = .refused(refusal)
    }
    var wanted = try Words(expected, line: line)
    let verdict = try wanted.next("outcome")
    switch outcome {
    case .applied(let receipt):
      let replayed = wanted.take("replayed") ?? "false"
      if verdict != "ok" { return fail(line, "\(verdict) expected, but it was applied") }
      if replayed != "\(receipt.replayed)" { fail(line, "replayed=\(receipt.replayed)") }
      try compare(wanted, with: Fields.of(receipt))
    case .planStored(let plan, let unchanged, _):
      let replayed = wanted.take("unchanged") ?? "false"
      if verdict != "ok" { return fail(line, "\(verdict) expected, but the plan was stored") }
      if replayed != "\(unchanged)" { fail(line, "unchanged=\(unchanged)") }
      try compare(wanted, with: Fields.of(plan))
    case .admin(.settingsStored(let settings, let unchanged, _)):
      let replayed = wanted.take("unchanged") ?? "false"
      if verdict != "ok" { return fail(line, "\(verdict) expected, but the settings were stored") }
      if replayed != "\(unchanged)" { fail(line, "unchanged=\(unchanged)") }
      try compare(wanted, with: Fields.of(settings))
    case .refused(let refusal):
      if verdict != refusal.reason.rawValue {
        return fail(line, "\(verdict) expected, got \(refusal.reason.rawValue) \(refusal.details)")
      }
      try compare(wanted, with: refusal.details.mapValues { .text($0) })
    case .pricesStored, .usage, .page, .admin, .topUp: fail(line, "no outcome of credit")
    }
  }

  private mutating func balance(_ words: Words, expected: Substring) throws {
    var words = words
    let userId = try words.next("user")
    try words.finish()
    let balance = try rig.engine.balance(userId: userId).value
    try compare(try Words(expected, line: words.line), with: Fields.of(balance))
    let batch = try rig.engine.balances(userIds: [userId, userId]).value
    if batch != [balance, balance] { fail(words.line, "the batch says otherwise: \(batch)") }
    if let cached = rig.engine.cachedBalance(userId: userId)?.value, cached != balance {
      fail(words.line, "the cache says otherwise: \(cached)")
    }
  }

  // MARK: Listings

  private mutating func list(_ kind: String, _ words: Words) throws {
    var words = words
    listingLine = words.line
    listedKind = kind
    switch kind {
    case "rows": listed = try rows(&words)
    case "holds": listed = try holds(&words)
    default: listed = try plans(&words)
    }
    try words.finish()
  }

  private func limit(_ words: inout Words) throws -> Int {
    let text = words.take("limit") ?? String(Self.pageLimit)
    guard let limit = Int(text) else { throw ScriptError(line: words.line, message: "not a limit: \(text)") }
    return limit
  }

  /// All pages of a user's ledger, oldest first.
  private func rows(_ words: inout Words) throws -> [[String: Value]] {
    var filter = TransactionFilter(userId: try words.next("user"), limit: try limit(&words))
    if let types = words.take("types") {
      filter.types = types.split(separator: ",").compactMap { name in
        Spelling.typeNames.first { $0.value == name }?.key
      }
    }
    filter.fromMicros = words.take("from").flatMap { Spelling.time($0, nowMicros: nowMicros) }
    filter.toMicros = words.take("to").flatMap { Spelling.time($0, nowMicros: nowMicros) }
    filter.metadata = Spelling.metadata(words.take("meta") ?? "none") ?? []
    var entries: [Entry] = []
    repeat {
      let page = try rig.engine.transactions(filter).value
      entries += page.rows
      filter.beforeSequence = page.nextBefore
    } while filter.beforeSequence != nil
    for entry in entries {
      let single = try rig.engine.transaction(sequence: entry.sequence, actingUserId: entry.userId).value
      if single != entry {
        throw ScriptError(line: words.line, message: "row \(entry.sequence) differs alone")
      }
    }
    return entries.reversed().map { Fields.of($0) }
  }

  /// All pages of a user's holds, oldest first.
  private func holds(_ words: inout Words) throws -> [[String: Value]] {
    var filter = HoldFilter(userId: try words.next("user"), limit: try limit(&words))
    if let states = words.take("states") {
      filter.states = states.split(separator: ",").compactMap { name in
        Spelling.stateNames.first { $0.value == name }?.key
      }
    }
    var holds: [Hold] = []
    repeat {
      let page = try rig.engine.holds(filter).value
      holds += page.rows
      filter.beforeId = page.nextBefore
    } while filter.beforeId != nil
    return holds.reversed().map { Fields.of($0) }
  }

  private func plans(_ words: inout Words) throws -> [[String: Value]] {
    try rig.engine.plans(afterId: nil, limit: try limit(&words)).value.map { Fields.of($0) }
  }

  private mutating func compare(row text: Substring, number: Int) throws {
    guard !listedKind.isEmpty else { throw ScriptError(line: number, message: "a row without its listing") }
    var wanted = try Words(text, line: number)
    let name = try wanted.next("name")
    guard !listed.isEmpty else { return fail(number, "there is no such row") }
    let fields = listed.removeFirst()
    let named = listedKind == "rows" ? "type" : listedKind == "holds" ? "hold" : "plan"
    let actual = fields[named]?.description ?? ""
    if actual != name { return fail(number, "\(name) expected, got \(actual): \(fields)") }
    try compare(wanted, with: fields)
  }

  private mutating func endListing() {
    if !listed.isEmpty { fail(listingLine, "\(listed.count) more: \(listed[0])") }
    listed = []
    listedKind = ""
  }

  // MARK: Comparing

  private mutating func compare(_ wanted: Words, with fields: [String: Value]) throws {
    guard wanted.plain.isEmpty else {
      throw ScriptError(line: wanted.line, message: "not understood: \(wanted.plain)")
    }
    for (name, expected) in wanted.named.sorted(by: { $0.key < $1.key }) {
      guard let actual = fields[name] else {
        fail(wanted.line, "nothing is called \(name) here")
        continue
      }
      guard let equal = actual.equals(expected, nowMicros: nowMicros) else {
        throw ScriptError(line: wanted.line, message: "\(name)=\(expected) is not spelled as it should be")
      }
      if !equal { fail(wanted.line, "\(name)=\(expected) expected, got \(actual)") }
    }
  }

  private mutating func fail(_ line: Int, _ message: String) {
    failures.append("line \(line): \(message)")
  }
}
