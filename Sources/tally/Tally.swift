// The program: its subcommands, and how it ends when one of them fails.
//
// Owner: the main thread.

internal import ArgumentParser
internal import Glibc
internal import TallyClient
internal import TallyProtoJSON

/// The version of the program and of its wire, as semantic versioning counts.
let tallyVersion = "0.1.0"

@main
struct Tally: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tally",
    abstract: "Keeps exact credits, usage and pages for the processes of one machine.",
    discussion: """
      Start a server, then charge:

        tally serve &
        tally credits purchase alice 10 --payment first
        tally credits consume alice 1.25
        tally credits balance alice

      Options follow the subcommand that takes them. Of these, --socket, --acting-user, --timeout, --json \
      and --wide may also come before it.

      On a terminal, a table leaves out columns that do not fit unless --wide is given. A pipe or a file \
      gets every column, and full timestamps.

      Exit statuses: 0 done; 1 refused, nothing was applied; 64 wrong usage; 69 no server, or the \
      connection was lost; 124 the --timeout has passed. After 69 or 124 the call may have been applied; \
      the message then says so and names the --key to retry with. docs/OPERATIONS.md lists all statuses.
      """,
    subcommands: [
      ServeCommand.self, CallCommand.self, ListCommand.self, DescribeCommand.self, CreditsCommand.self,
      UsageCommand.self, PagesCommand.self, MediaCommand.self, UsersCommand.self, PlansCommand.self,
      PricesCommand.self, CapsCommand.self,
      AlertsCommand.self, EventsCommand.self, TopUpsCommand.self, StatsCommand.self, WatchCommand.self,
      SeedCommand.self, VerifyCommand.self, MetricsCommand.self,
      QueriesCommand.self,
      CachesCommand.self, TopCommand.self, BenchCommand.self, VersionCommand.self,
    ])

  /// Runs the command that the arguments name. Every failure becomes a message on standard error and an exit
  /// status.
  static func main() {
    do {
      try System.holdStandardDescriptors()
      guard System.argumentsAreUTF8 else { throw Failure(.usage, "an argument is not UTF-8") }
      let words = try ArgumentWords.arranged(Array(CommandLine.arguments.dropFirst()))
      // No flag of this command and no version of its configuration: the parser would take `--version` away
      // from subcommands that have an option of that name.
      if words == ["--version"] { return System.writeOutput("\(tallyVersion)\n") }
      var command = try parseAsRoot(words)
      try command.run()
    } catch let failure as Failure {
      System.writeError("tally: \(failure.message)\n")
      Glibc.exit(failure.status.rawValue)
    } catch let error as TallyError {
      System.writeError("tally: \(error.text())\n")
      Glibc.exit(error.exitStatus.rawValue)
    } catch let error as WireError {
      System.writeError("tally: the server's descriptors cannot be read: \(error.message)\n")
      Glibc.exit(ExitStatus.software.rawValue)
    } catch let error as SystemError {
      System.writeError("tally: \(error)\n")
      Glibc.exit(ExitStatus.system.rawValue)
    } catch {
      end(with: error)
    }
  }

  /// Ends after an error that the parser found, or with the status that a command has asked for.
  private static func end(with error: any Error) -> Never {
    let status = exitCode(for: error)
    if status.isSuccess { exit(withError: error) }
    var text = fullMessage(for: error)
    let words = CommandLine.arguments.dropFirst()
    if status == .validationFailure, let problem = ArgumentWords.dashProblem(in: Array(words), text) {
      text = problem
    }
    if text.hasPrefix("Error: ") { text = "tally: " + text.dropFirst("Error: ".count) }
    if !text.isEmpty { System.writeError(text + "\n") }
    Glibc.exit(status.rawValue)
  }
}

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Prints the version.", discussion: "Example: tally version")

  func run() {
    System.writeOutput("tally \(tallyVersion)\n")
  }
}
