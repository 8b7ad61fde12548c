// docs/AUDIT.md: every finding names a test, and every test that it names exists.

import Testing

@Suite("Audit")
struct AuditTests {
  static let path = "docs/AUDIT.md"

  /// A test that the document names: `[title](../Tests/.../File.swift)`.
  struct Link {
    var title: String
    var file: String
  }

  static func links(_ text: String) -> [Link] {
    text.matches(of: /\[([^\]]+)\]\(\.\.\/((?:Tests|clients)\/[^)]+)\)/).map {
      Link(title: String($0.1), file: String($0.2))
    }
  }

  /// The findings, each from its heading to the next.
  static func findings(_ text: String) -> [(title: String, text: String)] {
    text.split(separator: "\n### ", omittingEmptySubsequences: false).dropFirst().map { part in
      (String(part.prefix { $0 != "\n" }), String(part.split(separator: "\n## ").first ?? ""))
    }
  }

  /// True when the file has a test of that title: in Swift as `@Test` says it, in Python by its name.
  static func has(_ file: SourceFile, _ title: String) -> Bool {
    let text = file.lines.joined(separator: "\n")
    guard file.isSwift else { return text.contains("def \(title)(") }
    return text.contains("\"\(title)\"") && text.contains("@Test(")
  }

  static func document() throws -> String {
    let file = try #require(Project.files.first { $0.path == path })
    return file.lines.joined(separator: "\n")
  }

  @Test("every test that docs/AUDIT.md names exists")
  func exist() throws {
    let links = Self.links(try Self.document())
    #expect(links.count >= 30)
    for link in links {
      guard let file = Project.files.first(where: { $0.path == link.file }) else {
        Issue.record("docs/AUDIT.md names \(link.file), which is not there")
        continue
      }
      #expect(Self.has(file, link.title), "\(link.file) has no test \"\(link.title)\"")
    }
  }

  @Test("every finding of docs/AUDIT.md names a test")
  func named() throws {
    let findings = Self.findings(try Self.document())
    #expect(findings.count == 18)
    for finding in findings {
      #expect(!Self.links(finding.text).isEmpty, "\(finding.title)")
    }
  }

  /// What was built since, each from its name to the next.
  static func promises(_ text: String) -> [(title: String, text: String)] {
    let section = text.split(separator: "\n## ").first { $0.hasPrefix("Since the audit") } ?? ""
    return section.split(separator: "\n- **").dropFirst().map { part in
      (String(part.prefix { $0 != "*" }), String(part))
    }
  }

  @Test("every promise of docs/AUDIT.md since then names a test")
  func promised() throws {
    let promises = Self.promises(try Self.document())
    #expect(promises.count == 12)
    for promise in promises {
      #expect(!Self.links(promise.text).isEmpty, "\(promise.title)")
    }
  }

  @Test("a title that no test has is seen, and so is a finding without a test")
  func reading() throws {
    let text = """
      # A

      ### One

      [a b](../Tests/X/Y.swift)

      ### Two

      none

      ## End

      [c](../Tests/Z.swift)
      """
    let links = Self.links(text)
    #expect(links.map(\.title) == ["a b", "c"])
    #expect(links.map(\.file) == ["Tests/X/Y.swift", "Tests/Z.swift"])
    let findings = Self.findings(text)
    #expect(findings.map(\.title) == ["One", "Two"])
    #expect(findings.map { Self.links($0.text).count } == [1, 0])
    let promises = Self.promises(
      "# A\n\n## Since the audit\n\n- **B**: c\n  - [d](../Tests/D.swift)\n- **E**: f\n")
    #expect(promises.map(\.title) == ["B", "E"])
    #expect(promises.map { Self.links($0.text).count } == [1, 0])
    let file = SourceFile(path: "Tests/X/Y.swift", lines: ["  @Test(\"a b\")", "  func ab() {}"])
    #expect(Self.has(file, "a b"))
    #expect(!Self.has(file, "a"))
    let python = SourceFile(path: "clients/python/tests/t.py", lines: ["def test_a(server):"])
    #expect(Self.has(python, "test_a"))
    #expect(!Self.has(python, "test"))
  }
}
