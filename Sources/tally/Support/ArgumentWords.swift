// The words of the command line before they are parsed.
//
// Invariants:
// 1. Options that every client command takes may stand before the subcommands: they move behind them.
// 2. A subcommand that is not there is refused with the one that was meant, as far as that can be told.
//
// Values, owned by nobody.

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
      if word == "help" {
        // The parser has `tally help credits`, not `tally credits help`.
        if words.path.count == 1 { return arguments }
        return Array(words.path.dropFirst()) + words.rest.dropFirst() + ["--help"]
      }
      var isTaken = words.takeOption(word)
      if !isTaken { isTaken = try words.takeCommand(word) }
      guard isTaken else { return arguments }
    }
    return Array(words.path.dropFirst()) + words.early + words.rest
  }

  /// False for one that is none of those that may stand here.
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

  /// False for an option.
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
    let meant =
      Suggestion.nearest(to: word, among: names).map { "\(here) \($0)" } ?? Self.elsewhere(word)
    let advice = meant == nil ? "; '\(here) --help' shows what there is" : Suggestion.question(meant)
    return Failure(.usage, "there is no '\(here) \(JSON.plain(word))'\(advice)")
  }

  /// The command of another group that has this very name, or nearly: `tally balance` for
  /// `tally credits balance`.
  private static func elsewhere(_ word: String) -> String? {
    var commands: [(name: String, path: String)] = []
    for group in Tally.configuration.subcommands {
      for command in group.configuration.subcommands {
        guard let first = group.configuration.commandName, let name = command.configuration.commandName else {
          continue
        }
        commands.append((name, "tally \(first) \(name)"))
      }
    }
    let nearest = Suggestion.nearest(to: word, among: commands.map(\.name))
    return commands.first { $0.name == nearest }?.path
  }
}
