// The program: its subcommands, and how it ends.
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
    abstract: "Keeps credits and usage, exactly, for the processes of one machine.",
    discussion: """
      Start a server, then charge:

        tally serve &
        tally credits purchase alice 10 --payment first
        tally credits consume alice 1.25
        tally credits balance alice

      --socket, --acting-user, --timeout, --json and --wide may stand anywhere. On a terminal a table \
      leaves out what does not fit, unless --wide is given; a pipe or a file gets all of it, and times in \
      full. Exit statuses: 0 done; 1 refused, nothing was applied; 64 wrong usage; 69 no server, or it \
      went away; 124 the --timeout has passed. After 69 and 124 a call may have been applied: the message \
      says so, with the --key that finds out. docs/OPERATIONS.md lists the others.
      """,
    version: tallyVersion,
    subcommands: [
      ServeCommand.self, CallCommand.self, ListCommand.self, DescribeCommand.self, CreditsCommand.self,
      UsageCommand.self, PagesCommand.self, MediaCommand.self, UsersCommand.self, PlansCommand.self,
      StatsCommand.self, SeedCommand.self, VerifyCommand.self, MetricsCommand.self, QueriesCommand.self,
      CachesCommand.self, TopCommand.self, BenchCommand.self, VersionCommand.self,
    ])

  /// Runs the command that the arguments name; every failure becomes one line and an exit status.
  static func main() {
    do {
      var command = try parseAsRoot(ArgumentWords.arranged(Array(CommandLine.arguments.dropFirst())))
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
      if exitCode(for: error) == .validationFailure, let amount = negativeAmount() {
        System.writeError("tally: an amount is positive, not \(JSON.plain(amount))\n")
        Glibc.exit(ExitStatus.usage.rawValue)
      }
      exit(withError: error)
    }
  }

  /// An argument such as `-$1` where no option's value stands, which the parser takes for an option.
  private static func negativeAmount() -> String? {
    let arguments = (try? ArgumentWords.arranged(Array(CommandLine.arguments.dropFirst()))) ?? []
    guard arguments.first == "credits" else { return nil }
    return zip(arguments, arguments.dropFirst()).first { before, amount in
      !before.hasPrefix("--") && amount.hasPrefix("-") && Dollars.parse(amount) != nil
    }?.1
  }
}

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Prints the version.", discussion: "Example: tally version")

  func run() {
    System.writeOutput("tally \(tallyVersion)\n")
  }
}
