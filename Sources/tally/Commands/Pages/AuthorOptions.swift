// Who changes a page.

internal import ArgumentParser

/// Who changes a page.
struct AuthorOptions: ParsableArguments {
  @Option(help: "Who makes the change; the acting user when it is left out.")
  var author: String?
}
