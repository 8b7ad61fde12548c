// What the text of a test may not say about time: limits of real time that a busy machine passes, pauses in
// place of conditions, and loops that wait without end.

/// What is wrong with a line.
struct Impatience: Equatable {
  var rule: String
  var text: String
}

enum PatienceRules {
  /// No limit of real time in a test is shorter.
  static let leastSeconds = 30.0

  /// A language's rules, and the files that they hold for.
  struct Language: Sendable {
    var folders: [String]
    var suffixes: [String]
    /// Expressions with a number, and how many seconds one of it is.
    var limits: [(rule: String, seconds: Double, Form)]
    /// Expressions that are refused wherever they stand.
    var refused: [(rule: String, Form)]

    func holds(for path: String) -> Bool {
      folders.contains { path.hasPrefix($0) } && suffixes.contains { path.hasSuffix($0) }
    }
  }

  /// A regular expression. Its groups are `number`, which is compared, and `excused`, with which it is none.
  struct Form: @unchecked Sendable {
    // It is made from a literal and never changes.
    private let expression: Regex<AnyRegexOutput>

    init(_ expression: some RegexComponent) {
      self.expression = Regex(expression.regex).wordBoundaryKind(.simple)
    }

    /// What it finds in a line, with the number of each.
    func matches(in line: Substring) -> [(text: String, number: Double?)] {
      line.matches(of: expression).compactMap { match in
        if let excused = match.output["excused"]?.substring, !excused.isEmpty { return nil }
        let number = match.output["number"]?.substring
        return (String(line[match.range]), number.flatMap { Double($0.filter { $0 != "_" }) })
      }
    }
  }

  static let swift = Language(
    folders: ["Tests/", "bench/BenchTests/"], suffixes: [".swift"],
    limits: [
      // The retry policy's pauses and the steps of a driven clock are no limits.
      ("a duration", 1, Form(/(?<excused>by: |Delay: |\w)?\.seconds\((?<number>\d[\d_]*)\)/)),
      ("a duration", 0.001, Form(/(?<excused>by: |Delay: |\w)?\.milliseconds\((?<number>\d[\d_]*)\)/)),
      ("a duration", 1e-6, Form(/(?<excused>by: |Delay: |\w)?\.microseconds\((?<number>\d[\d_]*)\)/)),
      (
        "a limit", 1e-9,
        Form(
          /(?:timeout|drain|deadline|halfFrame|stalledWrite|idle)Nanoseconds(?:: | = )(?<number>\d[\d_]*)\b/)
      ),
      ("a limit", 0.001, Form(/(?:timeout|deadline)Milliseconds(?:: | = )(?<number>\d[\d_]*)\b/)),
      ("a flag", 1, Form(/"--[a-z-]+-seconds", "(?<number>\d+)"/)),
    ],
    refused: [
      // An hour is for ever: what does so waits to be cancelled.
      ("a pause", Form(/(?<excused>func )?\b(?:u|nano)?sleep\((?!for: \.seconds\(3600\))/)),
      ("a limit of a whole test", Form(/\.timeLimit\(/)),
      ("a loop without end", Form(/\bwhile try await (?<excused>.*\.next\(\))?.*\{\}$/)),
    ])

  static let python = Language(
    folders: ["clients/python/tests/", "Tests/CrossTests/"], suffixes: [".py"],
    limits: [
      ("a limit", 1, Form(/\b(?:timeout=|retry_seconds=|SEND_STALL_SECONDS", )(?<number>\d+(?:\.\d+)?)/)),
      ("a limit", 1, Form(/\.(?:wait|join|acquire|communicate)\((?<number>\d+(?:\.\d+)?)\)/)),
      ("a limit", 1, Form(/\bwait_for\(.*, (?<number>\d+(?:\.\d+)?)\)/)),
      ("a patience", 1, Form(/\b[A-Z_]*(?:PATIENCE|SCENARIO)[A-Z_]* = (?<number>\d+(?:\.\d+)?)$/)),
    ],
    refused: [
      ("a pause", Form(/\btime\.sleep\(/)), ("a pause", Form(/\basyncio\.sleep\((?<excused>0\))?/)),
      ("a timer", Form(/\bTimer\(/)),
    ])

  static let node = Language(
    folders: ["clients/node/test/", "Tests/CrossTests/"], suffixes: [".js"],
    limits: [
      ("a limit", 0.001, Form(/\b(?:timeoutMs|retryMs|stallMs|timeout)(?:: | = )(?<number>\d[\d_]*)\b/)),
      ("a patience", 0.001, Form(/\b[A-Z_]*PATIENCE_MS = (?<number>\d[\d_]*)/)),
    ],
    refused: [
      ("a pause", Form(/(?<excused>\.)?\b(?:sleep|pause)\(/)),
      ("a timer", Form(/\bsetTimeout\(|\bAbortSignal\.timeout\(/)),
    ])

  static let go = Language(
    folders: ["Tests/"], suffixes: [".go"],
    limits: [
      ("a limit", 0.001, Form(/\b(?<number>\d+) ?\* ?time\.Millisecond/)),
      ("a limit", 1, Form(/\b(?<number>\d+) ?\* ?time\.Second/)),
    ],
    refused: [("a pause", Form(/\btime\.Sleep\(/))])

  static let scenarios = Language(
    folders: ["proto/vectors/scenarios/"], suffixes: [".json"],
    limits: [("a limit", 0.001, Form(/"(?:timeoutMillis|retryMillis)": (?<number>\d+)/))], refused: [])

  static let all = [swift, python, node, go, scenarios]

  /// Those whose rules hold for a file.
  static func languages(of path: String) -> [Language] { all.filter { $0.holds(for: path) } }

  /// What is wrong with a line: zero is no limit at all, and one nanosecond has passed already.
  static func found(in line: Substring, by languages: [Language]) -> [Impatience] {
    languages.flatMap { language in
      let limits = language.limits.flatMap { rule, seconds, form in
        form.matches(in: line).filter { match in
          guard let number = match.number else { return false }
          return number * seconds > 1e-9 && number * seconds < leastSeconds
        }.map { Impatience(rule: rule, text: $0.text) }
      }
      let refused = language.refused.flatMap { rule, form in
        form.matches(in: line).map { Impatience(rule: rule, text: $0.text) }
      }
      return limits + refused
    }
  }
}
