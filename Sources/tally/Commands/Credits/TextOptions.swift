// The description and the metadata of a ledger row.

internal import ArgumentParser

struct TextOptions: ParsableArguments {
  @Option(help: "A description for the ledger row.")
  var description = ""

  @Option(
    name: .customLong("meta"), parsing: .singleValue,
    help: ArgumentHelp("Metadata for the ledger row. Repeatable.", valueName: "key=value"))
  var metadata: [String] = []

  func pairs() throws -> [String: String] { try Pairs.parse(metadata) }
}
