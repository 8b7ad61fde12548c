// Which month usage is counted in.

internal import ArgumentParser

/// A month and its zone.
struct MonthOptions: ParsableArguments {
  @Option(help: "The month, such as 2026-11; the current one when it is left out.")
  var month = ""

  @Option(
    help: ArgumentHelp("The month's IANA zone; the plan's when it is left out, else UTC.", valueName: "zone"))
  var timeZone = ""
}
