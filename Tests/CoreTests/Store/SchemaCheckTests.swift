// A start, and a verification, notice what is missing of the tables and indexes.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Schema check")
struct SchemaCheckTests {
  @Test("the known schema is the one that the migrations make")
  func known() throws {
    let digest = SchemaCheck.digest(of: try SchemaCheck.expected())
    #expect(digest == SchemaCheck.knownDigest, "put it into SchemaCheck.knownDigest")
  }

  private func database() throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory(inMemory: true)
    try open(directory).close()
    return directory
  }

  @Test("an index that was dropped keeps the engine from starting, and the message makes it again")
  func everyIndex() throws {
    let directory = try database()
    for index in try SchemaCheck.expected() where index.kind == "index" {
      try directory.connection().execute("DROP INDEX \(index.name)")
      #expect {
        _ = try open(directory)
      } throws: {
        ($0 as? StoreError)?.code == .corrupt && "\($0)".contains("index \(index.name) is missing")
          && "\($0)".contains(index.sql)
      }
      try directory.connection().execute(index.sql)
    }
    try open(directory).close()
  }

  @Test(
    "what is not as the migrations make it keeps the engine from starting",
    arguments: [
      (
        "DROP INDEX ledger_event; CREATE INDEX ledger_event ON ledger(event_id) WHERE event_id IS NOT NULL",
        "ledger_event"
      ),
      ("DROP TABLE page_counter", "page_counter"),
      ("ALTER TABLE usage_month ADD COLUMN more INTEGER", "usage_month"),
    ])
  func changed(sql: String, name: String) throws {
    let directory = try database()
    try directory.connection().execute(sql)
    #expect {
      _ = try open(directory)
    } throws: {
      ($0 as? StoreError)?.code == .corrupt && "\($0)".contains(name) && "\($0)".contains(directory.path)
    }
    var findings: [String] = []
    _ = try Verifier.verify(file: directory.databasePath) { if $0.isDone { findings += $0.findings } }
    #expect(findings.contains { $0.contains(name) }, "\(findings)")
  }

  @Test("tables of other programs are nobody's business")
  func strangers() throws {
    let directory = try database()
    try directory.connection().execute(
      "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER); CREATE INDEX mine ON ledger(at)")
    let engine = try open(directory)
    try engine.must(purchase("u", 5, "p"))
    #expect(try engine.findings() == [])
    try engine.close()
  }
}
