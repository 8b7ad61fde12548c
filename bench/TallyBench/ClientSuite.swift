// The clients: how many calls a program in each language makes on one connection, compared with the C load
// generator.
//
// Invariants:
// 1. Each client's program takes the load generator's arguments and prints the same report.
// 2. All of them, the load generator too, have one connection; the number of calls in flight differs.

extension Bench {
  static let clientDepths = [1, 64]

  /// The clients' programs, by the environment that `scripts/bench` has made for each.
  private func clients() -> [(subject: Subject, program: LoadGenerator)] {
    let python = [places.program("python-clients/bin/python"), "bench/clients/load.py"]
    let commands: [(Subject, [String])] = [
      (.generator, generator.command),
      (.python, python + ["--client", "threads"]),
      (.pythonAsyncio, python + ["--client", "asyncio"]),
      (.node, ["node", "bench/clients/load.js"]),
    ]
    return commands.filter { subjects.contains($0.0) }.map { subject, command in
      var program = generator
      program.command = command
      return (subject, program)
    }
  }

  mutating func runClients() throws(BenchError) {
    guard subjects.contains(.tally) else { return }
    let server = try launcher.tally(testing: true)
    try seed(server)
    for _ in 0..<rounds {
      for workload in ["echo", "consume"] {
        for depth in Self.clientDepths {
          let load = Load(workload: workload, depth: depth, accounts: Self.accounts)
          for (subject, program) in clients() {
            try measure(Case.client(workload, depth), load, on: server, as: subject, by: program)
          }
        }
      }
    }
    try server.stop()
  }
}
