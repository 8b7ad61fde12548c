// What any engine must pass, carried out on SQLite: the tables and the model.

import TallyCore
internal import TallySQLiteStore
import Testing

@Suite("SQLite engine, conformance")
struct EngineConformanceTests {
  @Test("it keeps the table", arguments: LedgerTables.names)
  func table(name: String) throws {
    let failures = ScriptRunner.run(try LedgerTables.text(name), on: try SQLiteRig())
    for failure in failures { Issue.record("\(name), \(failure)") }
  }

  @Test("it agrees with the model")
  func model() throws {
    try ModelSettings.run { try SQLiteRig() }
  }
}
