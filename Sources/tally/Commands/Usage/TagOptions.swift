// The tags of a run.

internal import ArgumentParser

struct TagOptions: ParsableArguments {
  @Option(
    name: .customLong("tag"), parsing: .singleValue,
    help: ArgumentHelp("What the run is for, such as feature=chat. Repeatable.", valueName: "key=value"))
  var tags: [String] = []

  func pairs() throws -> [String: String] { try Pairs.parse(tags) }
}
