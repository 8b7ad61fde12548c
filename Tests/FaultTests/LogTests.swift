// A log that nobody reads, or that cannot be written just now.

import Glibc
import TallyMessages
import Testing

extension FaultTests {
  @Suite("Log of the program")
  struct LogTests {
    @Test("a standard error that nobody reads holds up nobody, neither while it serves nor at its end")
    func unread() async throws {
      let workplace = try Workplace()
      let pipe = try workplace.pipeLog()
      defer { close(pipe) }
      let daemon = try await Daemon.start(workplace, DaemonOptions(flags: ["--log-level", "debug"]))
      // Each connection is told of twice: far more than the pipe takes.
      for _ in 0..<200 {
        let peer = try Intruder(workplace.socket)
        try await peer.send(Intruder.call(1, GrpcHealthV1.Health.check, []))
        #expect(try await peer.answers(1) == [nil])
      }
      daemon.child.signal(SIGTERM)
      #expect(try await daemon.child.waitForEnd() == 0)
    }
  }
}
