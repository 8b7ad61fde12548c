// `tally describe`: a service, method, message or enum, as its .proto has it.

internal import ArgumentParser

struct DescribeCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe", abstract: "Shows a service, method, message or enum as its .proto does.",
    discussion: """
      Examples:
        tally describe CreditService/Consume
        tally describe Transaction
      """)

  @OptionGroup var connection: ConnectionOptions

  @Argument(
    help: "What to describe; with its package unless that is tallystick.v1. (default: all services)",
    completion: .custom { _, _, _ in KnownNames.all })
  var name: String?

  func perform() async throws {
    let reflection = ReflectionClient(connection.client)
    let names = if let name { [name] } else { try await reflection.services() }
    var texts: [String] = []
    for name in names {
      guard let (pool, full) = try await reflection.find(name),
        let text = Description(pool: pool).text(of: full)
      else {
        let meant = Suggestion.nearest(to: name, among: KnownNames.all) ?? KnownNames.method(like: name)
        throw Failure(
          .usage,
          "the server knows no service, method, message or enum named \(name)\(Suggestion.question(meant))")
      }
      texts.append(text)
    }
    System.writeOutput(texts.joined(separator: "\n\n") + "\n")
  }
}
