// The words of the command line before ArgumentParser sees them, and messages that it cannot give.
//
// Invariants:
// 1. Options that every client command takes may come before the subcommand: they are moved behind it.
// 2. An unknown subcommand is refused, with a suggestion where a known one is close.

internal import ArgumentParser
internal import TallyProtoJSON

struct ArgumentWords {
  private static let flags = ["--json", "--wide"]

  private var path = ["tally"]
  private var early: [String] = []
  private var rest: ArraySlice<String>
  private var command: any ParsableCommand.Type

  /// - Parameter arguments: without the program's name.
  private init(_ arguments: [String], of root: any ParsableCommand.Type) {
    rest = arguments[...]
    command = root
  }

  /// The words in the order that the parser knows.
  static func arranged(
    _ arguments: [String], of root: any ParsableCommand.Type = Tally.self
  ) throws(Failure) -> [String] {
    var words = ArgumentWords(arguments, of: root)
    while !words.command.configuration.subcommands.isEmpty, let word = words.rest.first {
      if word == "help" { return try words.help() }
      var isTaken = words.takeOption(word)
      if !isTaken { isTaken = try words.takeCommand(word) }
      guard isTaken else { return arguments }
    }
    return Array(words.path.dropFirst()) + words.early + words.rest
  }

  /// `tally help credits` and `tally credits help` in the parser's terms: `credits --help`. The parser itself
  /// would show the general help for a name that it does not know.
  private mutating func help() throws(Failure) -> [String] {
    rest = rest.dropFirst()
    while !command.configuration.subcommands.isEmpty, let word = rest.first, try takeCommand(word) {}
    return Array(path.dropFirst()) + ["--help"]
  }

  /// - Returns: false for an option that may not come before the subcommand.
  private mutating func takeOption(_ word: String) -> Bool {
    guard word.hasPrefix("-") else { return false }
    let name = word.split(separator: "=", maxSplits: 1).first.map(String.init) ?? word
    let takesNext = ConnectionOptions.names.contains(name) && name == word
    guard takesNext || ConnectionOptions.names.contains(name) || Self.flags.contains(word) else {
      return false
    }
    early += rest.prefix(takesNext ? 2 : 1)
    rest = rest.dropFirst(takesNext ? 2 : 1)
    return true
  }

  /// - Returns: false for an option.
  private mutating func takeCommand(_ word: String) throws(Failure) -> Bool {
    if word.hasPrefix("-") { return false }
    guard let next = command.configuration.subcommands.first(where: { $0.configuration.commandName == word })
    else { throw unknown(word) }
    path.append(word)
    command = next
    rest = rest.dropFirst()
    return true
  }

  private func unknown(_ word: String) -> Failure {
    let here = path.joined(separator: " ")
    let names = command.configuration.subcommands.compactMap { $0.configuration.commandName }
    let near = Suggestion.nearest(to: word, among: names).map { ["\(here) \($0)"] }
    let meant = near ?? elsewhere(word)
    let advice = meant.isEmpty ? "; '\(here) --help' lists the subcommands" : Suggestion.question(meant)
    return Failure(.usage, "there is no '\(here) \(JSON.plain(word))'\(advice)")
  }

  /// The commands of groups that have this name, such as `tally credits balance` for `tally balance`. Within
  /// a group only the very name of one other command counts: what is merely similar belongs to the group.
  private func elsewhere(_ word: String) -> [String] {
    var commands: [(name: String, path: String)] = []
    for group in Tally.configuration.subcommands {
      for command in group.configuration.subcommands {
        guard let first = group.configuration.commandName, let name = command.configuration.commandName else {
          continue
        }
        commands.append((name, "tally \(first) \(name)"))
      }
    }
    guard path.count > 1 else {
      let nearest = Suggestion.nearest(to: word, among: commands.map(\.name))
      return commands.filter { $0.name == nearest }.map(\.path)
    }
    let same = commands.filter { $0.name == word }.map(\.path)
    return same.count == 1 ? same : []
  }

  /// Explains an error of the parser that came from a value that begins with a dash, since the parser took it
  /// for an option; nil for any other error.
  /// - Parameter message: the parser's.
  static func dashProblem(in words: [String], _ message: String) -> String? {
    if let missing = message.firstMatch(of: /Missing value for '(--[a-z-]+)/) {
      let option = String(missing.1)
      guard let place = words.firstIndex(of: option), let next = words.dropFirst(place + 1).first else {
        return nil
      }
      let value = JSON.plain(next)
      return "tally: \(option) has no value: '\(value)' begins with a dash, so it was taken for an option; "
        + "if it is the value, write '\(option)=\(value)'"
    }
    let number = zip(words, words.dropFirst()).first { before, word in
      !before.hasPrefix("--") && word.hasPrefix("-") && Dollars.parse(word) != nil
    }?.1
    guard let number else { return nil }
    return words.contains("credits")
      ? "tally: the amount must be above zero, not \(JSON.plain(number))"
      : "tally: '\(JSON.plain(number))' is a negative number, which this command does not take"
  }
}
