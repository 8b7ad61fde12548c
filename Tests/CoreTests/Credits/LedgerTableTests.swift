// The text tables of proto/vectors/ledger, and the proof that their runner can fail. EngineConformanceTests
// runs them on each engine.

import FoundationEssentials
import TallyCore
internal import TallySQLiteStore
import Testing

/// The tables, from the place of this very file.
enum LedgerTables {
  static let folder: String = {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4)
    return (parts + ["proto", "vectors", "ledger"]).joined(separator: "/")
  }()

  static let names: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.filter { $0.hasSuffix(".txt") }.sorted()
  }()

  static func text(_ name: String) throws -> String {
    let data = try #require(FileManager.default.contents(atPath: "\(folder)/\(name)"))
    return try #require(String(validating: data, as: UTF8.self))
  }
}

@Suite("Ledger tables")
struct LedgerTableTests {
  @Test("the tables are found")
  func found() {
    #expect(LedgerTables.names.count >= 20)
  }

  static let beginning = "at 2026-01-01T00:00:00Z\npurchase u p 100 key=a -> ok\n"

  @Test(
    "a table that is wrong fails, on its line",
    arguments: [
      "consume u 10 key=b -> ok posted=91",
      "consume u 10 key=b -> ok available=100",
      "consume u 10 key=b -> INSUFFICIENT_CREDITS",
      "consume u 101 key=b -> ok",
      "consume u 101 key=b -> LOT_LIMIT",
      "consume u 101 key=b -> INSUFFICIENT_CREDITS available_micros=99",
      "consume u 101 key=b -> INSUFFICIENT_CREDITS nothing=1",
      "consume u 10 key=b -> ok replayed=true",
      "consume u 10 key=b -> ok lots=1:9",
      "consume u 10 key=b -> ok lots=x",
      "consume u 10 key=b -> ok unknown=1",
      "consume u 10 key=b colour=red -> ok",
      "consume u 10 20 key=b -> ok",
      "consume u 10 -> ok",
      "consume u 10 key=b",
      "consume u 10 key=b key=c -> ok",
      "consume u 10 key=\"b -> ok",
      "devour u 10 key=b -> ok",
      "purchase u p 100 key=a -> ok",
      "balance u -> posted=99",
      "balance u -> next=100@+1d",
      "balance u",
      "rows u",
      "rows u\n| purchase amount=99",
      "rows u\n| consume",
      "rows u\n| purchase\n| purchase",
      "| purchase",
      "holds u\n| hold-2",
      "plans\n| pro",
      "after tomorrow",
      "at noon",
      "restart now",
    ])
  func failing(lines: String) throws {
    let failures = ScriptRunner.run(Self.beginning + lines, on: try MemoryRig())
    #expect(failures.count == 1)
    #expect(
      failures.allSatisfy { $0.hasPrefix("line 3:") || $0.hasPrefix("line 4:") || $0.hasPrefix("line 5:") })
  }
}
