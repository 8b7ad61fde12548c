// `tally bench`, as a user runs it.

import TallyProtoJSON
import TallyTesting
import Testing

@testable import tally

@Suite("Bench command")
struct BenchCommandTests {
  @Test("bench loads an ephemeral server and tells what it gave")
  func bench() throws {
    let result = try Rig.run([
      "bench", "--seconds", "1", "--callers", "8", "--users", "10", "--json",
    ])
    #expect(result.status == 0)
    let json = try JSON.parse(result.output)
    #expect(json["failures"] == .object([]))
    guard case .number(let calls)? = json["calls"] else { return }
    #expect((Int(calls) ?? 0) > 0)
  }
}
