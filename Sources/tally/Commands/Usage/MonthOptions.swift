// Which month usage is counted in.

internal import ArgumentParser

/// A month and its zone.
struct MonthOptions: ParsableArguments {
  @Option(help: "The month, such as 2026-11. (default: the current one)")
  var month = ""

  @Option(
    help: ArgumentHelp("The IANA time zone of the month. (default: the plan's, else UTC)", valueName: "zone"))
  var timeZone = ""
}
