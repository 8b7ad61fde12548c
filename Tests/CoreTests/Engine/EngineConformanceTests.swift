// What any engine must pass: the ledger's tables and the model. EngineRig.swift says how an engine is added.

import TallyCore
internal import TallySQLiteStore
import Testing

@Suite("Engines, conformance")
struct EngineConformanceTests {
  @Test("an engine keeps the table", arguments: EngineUnderTest.allCases, LedgerTables.names)
  func table(engine: EngineUnderTest, name: String) throws {
    let failures = ScriptRunner.run(try LedgerTables.text(name), on: try engine.rig())
    for failure in failures { Issue.record("\(name), \(failure)") }
  }

  @Test("an engine agrees with the model, and everything comes about", arguments: EngineUnderTest.allCases)
  func model(engine: EngineUnderTest) throws {
    let tally = try ModelSettings.run { try engine.rig() }
    let missing = ModelSettings.expectedEvents.filter { tally[$0, default: 0] < 5 }
    #expect(missing.isEmpty, "\(tally.sorted { $0.key < $1.key })")
  }
}
