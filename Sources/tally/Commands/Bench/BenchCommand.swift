// `tally bench`: a short load, to see what a server gives on this machine.

internal import ArgumentParser
internal import TallyClient
internal import TallyTesting

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Loads a server for a few seconds and prints its rate and latencies.",
    discussion: """
      Without --socket, it starts an ephemeral server and stops it afterwards. With --socket, it writes to \
      that server: it adds credit to users named bench-0, bench-1, ... and charges them.

      Examples:
        tally bench
        tally bench --seconds 10 --callers 8 --work balance
      """)

  enum Work: String, CaseIterable, ExpressibleByArgument {
    case consume
    case balance
    case health
  }

  @Option(help: "The socket of the server to load. (default: an ephemeral server)", completion: .file())
  var socket: String?
  @Option(parsing: .unconditional, help: "How long to load it: 1 to 3600.") var seconds: Int = 5
  @Option(parsing: .unconditional, help: "Concurrent callers: 1 to 65536.") var callers: Int = 64
  @Option(parsing: .unconditional, help: "Connections that the callers share: 1 to 1024.") var connections:
    Int = 4
  @Option(parsing: .unconditional, help: "Users that are called for in turn: 1 to 1000000.") var users: Int =
    1_000
  @Option(help: "Which call to make.") var work: Work = .consume
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (1...3_600).contains(seconds), (1...65_536).contains(callers), (1...1_024).contains(connections),
      (1...1_000_000).contains(users)
    else {
      throw ValidationError(
        "--seconds must be 1 to 3600, --callers 1 to 65536, --connections 1 to 1024, --users 1 to 1000000")
    }
  }

  func run() throws {
    let fixture = try socket == nil ? TallyFixture.start(program: "/proc/self/exe") : nil
    guard let path = socket ?? fixture?.socket else { return }
    let load = Load(work: work, users: users, runId: try System.randomHex(byteCount: 4))
    if work == .consume { try waitFor { try await load.fund(TallyClient(socket: path)) } }
    var report = try load.run(socket: path, callers: callers, connections: connections, seconds: seconds)
    report.work = work.rawValue
    System.writeOutput(output.json ? report.json.pretty + "\n" : report.text)
    fixture?.stop()
  }
}
