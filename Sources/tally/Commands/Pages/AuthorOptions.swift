// Who changes a page.

internal import ArgumentParser

/// Who changes a page.
struct AuthorOptions: ParsableArguments {
  @Option(help: "Who makes the change. (default: the acting user)")
  var author: String?
}
