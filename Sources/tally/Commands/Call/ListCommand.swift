// `tally list`: the services of a server, or the methods of one.

internal import ArgumentParser

struct ListCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the services of a server, or the methods of a service.",
    discussion: """
      Examples:
        tally list
        tally list CreditService
      """)

  @OptionGroup var connection: ConnectionOptions

  @Argument(
    help: "List the methods of this service, such as CreditService.",
    completion: .custom { _, _, _ in KnownNames.services })
  var service: String?

  func perform() async throws {
    let reflection = ReflectionClient(connection.client)
    guard let service else {
      for name in try await reflection.services() { System.writeOutput("\(name)\n") }
      return
    }
    guard let (pool, name) = try await reflection.find(service), let found = pool.services[name] else {
      let meant = Suggestion.nearest(to: service, among: KnownNames.services)
      throw Failure(.usage, "the server has no service named \(service)\(Suggestion.question(meant))")
    }
    for method in found.methods { System.writeOutput("\(name)/\(method.name)\n") }
  }
}
