// The echo: the round trip of one caller, on any core and with the server on the same core, and throughput.

extension Bench {
  mutating func runEcho() throws(BenchError) {
    let core = 0
    let free = try startEchoServers(core: nil)
    let pinned = try startEchoServers(core: core)
    for _ in 0..<rounds {
      for server in free {
        try measure(Case.echoFree, Load(workload: "echo"), on: server)
      }
      for server in pinned {
        try measure(Case.echoPinned, Load(workload: "echo", core: core), on: server)
      }
      for server in free {
        try measure(Case.echoMany, Load(workload: "echo", connections: 64), on: server)
      }
    }
    for server in free + pinned { try server.stop() }
  }

  private mutating func startEchoServers(core: Int?) throws(BenchError) -> [RunningServer] {
    var servers: [RunningServer] = []
    if subjects.contains(.tally) { servers.append(try launcher.tally(testing: true, core: core)) }
    if subjects.contains(.floor) { servers.append(try launcher.floorEcho(core: core)) }
    for peer in [Subject.goTTRPC, .goGRPC] where subjects.contains(peer) {
      servers.append(try launcher.goEcho(peer, core: core))
    }
    return servers
  }
}
