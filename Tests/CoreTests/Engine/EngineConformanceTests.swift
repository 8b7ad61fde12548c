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

  @Test(
    "a purged page of many versions is gone at once, and its id may be given again",
    arguments: EngineUnderTest.allCases)
  func purge(engine: EngineUnderTest) throws {
    let rig = try engine.rig()
    rig.setTime(micros: ModelRun.startMicros)
    let target = PageTarget(pageId: "p", actingUserId: nil, maximumReplyByteCount: 1 << 20)
    func create(_ userId: String) -> Command {
      .page(
        .create(
          .init(
            userId: userId, pageId: "p", content: PageContent(title: userId), author: "",
            maximumReplyByteCount: 1 << 20)))
    }
    var commands = [create("u")]
    let versions = 2 * PageLimits.purgedVersionCount + 3
    for version in 1..<versions {
      let content = PageContent(title: "\(version)")
      commands.append(
        .page(.save(.init(target: target, expectedVersion: Int64(version), content: content, author: ""))))
    }
    commands.append(.page(.delete(target)))
    #expect(rig.engine.apply(commands).allSatisfy { $0.refusal == nil })
    let purged = rig.engine.apply(.page(.purge(target)))
    guard case .page(.purged(let count, _)) = purged else {
      Issue.record("\(purged)")
      return
    }
    #expect(count == Int64(versions))
    #expect(rig.engine.apply(create("v")).refusal == nil)
    try rig.restart()
    try rig.sweep()
    let page = try rig.engine.page(pageId: "p", .current, includesDeleted: true, actingUserId: "v").value
    #expect(page.facts.title == "v" && page.facts.currentVersion == 1)
    #expect(try rig.engine.pages(.init(userId: "u", limit: 10, maximumByteCount: 1_000)).value.rows.isEmpty)
    #expect(try rig.findings() == [])
  }
}
