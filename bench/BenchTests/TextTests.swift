// What the benchmarks read and write: reports, numbers, the document.

import Testing

@testable import TallyBench

@Suite("Bench text")
struct TextTests {
  @Test(
    "numbers are grouped by thousands",
    arguments: [(0.0, "0"), (999, "999"), (1000, "1,000"), (1_234_567.4, "1,234,567"), (-1234, "-1,234")])
  func whole(value: Double, text: String) {
    #expect(Format.whole(value) == text)
  }

  @Test("decimals keep their leading zeros", arguments: [(1.05, "1.05"), (0.999, "1.00"), (-2.5, "-2.50")])
  func decimal(value: Double, text: String) {
    #expect(Format.decimal(value, places: 2) == text)
  }

  @Test("a report's numbers are read by name, and a missing one is an error")
  func report() throws {
    let report = FlatJSON(#"{"operations":12,"per_second":3.5,"error_kinds":{"QUEUE_FULL":7}}"#)
    #expect(try report.number("operations") == 12)
    #expect(try report.number("per_second") == 3.5)
    #expect(throws: BenchError.self) { try report.number("errors") }
  }

  @Test("only what stands between the markers is replaced")
  func document() throws {
    let old = "before\n\(Document.begin)\nold\n\(Document.end)\nafter\n"
    let new = try Document.replacing(old, with: "new")
    #expect(new == "before\n\(Document.begin)\n\nnew\n\n\(Document.end)\nafter\n")
    #expect(try Document.replacing(new, with: "new") == new)
    #expect(throws: BenchError.self) { try Document.replacing("no markers", with: "new") }
  }
}
