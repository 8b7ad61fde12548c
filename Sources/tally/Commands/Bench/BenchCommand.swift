// `tally bench`: a short load, to see what a server gives on this machine.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyTesting

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Loads a server for a few seconds and prints rate and latencies.",
    discussion: """
      Without --socket it starts an ephemeral server for the time. With --socket it writes to that \
      server: charges to users named bench-0, bench-1, ... that it funds first.

      Examples:
        tally bench
        tally bench --seconds 10 --callers 8 --work balance
      """)

  enum Work: String, CaseIterable, ExpressibleByArgument {
    case consume
    case balance
    case health
  }

  @Option(help: "The server to load, instead of an ephemeral one.", completion: .file()) var socket: String?
  @Option(help: "How long.") var seconds: Int = 5
  @Option(help: "Calls under way at once.") var callers: Int = 64
  @Option(help: "Connections that the callers share.") var connections: Int = 4
  @Option(help: "Accounts that are charged in turn.") var users: Int = 1_000
  @Option(help: "consume, balance or health.") var work: Work = .consume
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (1...3_600).contains(seconds), (1...65_536).contains(callers), (1...1_024).contains(connections),
      (1...1_000_000).contains(users)
    else {
      throw ValidationError(
        "--seconds takes 1 to 3600, --callers 1 to 65536, --connections 1 to 1024, --users 1 to 1000000")
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
