// Start-up, the harness, memory and size of the program: figures whose goals are numbers, not ratios.

extension Bench {
  mutating func runStart() throws(BenchError) {
    let program = places.program("tally")
    let socket = places.path("start.sock")
    let serve = Launcher.tallyCommand(program, socket: socket, data: places.path("start"))
    _ = try generator.start(serve, socket: socket)  // makes the database
    for _ in 0..<rounds {
      let millis = try generator.start(serve, socket: socket)
      book.record(figure: millis, Figure.start)
      let command = [program, "serve", "--ephemeral", "--log-level", "warning"]
      let ephemeral = try generator.start(command, socket: nil)
      book.record(figure: ephemeral, Figure.ephemeral)
      Progress.line("start | \(Format.decimal(millis)) ms, ephemeral \(Format.decimal(ephemeral)) ms")
    }
  }

  /// What tests do in between: reset, save and restore.
  mutating func runHarness() throws(BenchError) {
    let server = try launcher.tallyForTests()
    try seed(server)
    for _ in 0..<rounds {
      try record("save-snapshot", Figure.saveSnapshot, server)
      try record("restore-snapshot", Figure.restoreSnapshot, server)
    }
    for _ in 0..<rounds { try record("reset", Figure.reset, server) }
    try server.stop()
  }

  private mutating func record(
    _ workload: String, _ figure: String, _ server: RunningServer
  ) throws(BenchError) {
    let load = Load(workload: workload, accounts: Self.accounts, share: 0.5)
    let millis = try generator.run(load, socket: server.socket).p50Micros / 1000
    book.record(figure: millis, figure)
    Progress.line("\(figure): \(Format.decimal(millis))")
  }

  mutating func runMemory() throws(BenchError) {
    let server = try launcher.tally()
    try seed(server)
    try recordMemory(server, Figure.idleResident, Figure.idleProportional)
    try lengthen(server)
    try generator.run(Load(workload: "consume", connections: 64), socket: server.socket)
    try generator.run(Load(workload: "balance", connections: 64), socket: server.socket)
    try recordMemory(server, Figure.loadedResident, Figure.loadedProportional)
    try server.stop()
    let stripped = places.path("tally-stripped")
    try Tool.run(["strip", "-o", stripped, places.program("tally")])
    book.record(figure: try Double(SystemCall.fileSize(stripped)) / Self.bytesPerMegabyte, Figure.size)
  }

  private mutating func recordMemory(_ server: RunningServer, _ resident: String, _ proportional: String)
    throws(BenchError)
  {
    let memory = try server.process.memory()
    book.record(figure: memory.resident / Self.bytesPerMegabyte, resident)
    book.record(figure: memory.proportional / Self.bytesPerMegabyte, proportional)
    Progress.line("\(resident): \(Format.decimal(memory.resident / Self.bytesPerMegabyte))")
  }
}
