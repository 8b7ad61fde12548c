// Core's folders form a line, and each knows only those below it.

import Testing

@Suite("Core's folders")
struct CoreFolderTests {
  /// From the bottom up. A folder's files name only types of folders that stand before it, and their own.
  static let order = [
    "Text", "Commands", "Time", "Credits", "Usage", "Pages", "Users", "Events", "Deciding", "Writing",
    "Engine",
  ]

  static func folder(of file: SourceFile) -> String? {
    let parts = file.path.split(separator: "/")
    guard parts.count > 3, parts[0] == "Sources", parts[1] == "TallyCore" else { return nil }
    return String(parts[2])
  }

  /// The type that a line declares for other files.
  static func declaredType(_ line: Substring) -> String? {
    let form =
      /(?:(?:public|package|internal|final|indirect) +)*(?:struct|class|enum|protocol|typealias) +(\w+).*/
    return line.wholeMatch(of: form).map { String($0.1) }
  }

  /// Names of types in a line, without its texts.
  static func typeNames(in line: Substring) -> [String] {
    let text = line.replacing(/"(?:[^"\\]|\\.)*"/, with: "")
    return text.matches(of: /\b[A-Z]\w+/).map { String($0.0) }
  }

  /// What names something of a folder above its own, as lines to print.
  static func arrowsUp(_ files: [SourceFile]) -> [String] {
    var rank: [String: Int] = [:]
    for file in files {
      guard let folder = folder(of: file), let place = order.firstIndex(of: folder) else { continue }
      for line in file.code {
        if let type = declaredType(line.text) { rank[type] = place }
      }
    }
    var found: [String] = []
    for file in files {
      guard let folder = folder(of: file), let place = order.firstIndex(of: folder) else { continue }
      for line in file.code {
        for type in typeNames(in: line.text) where rank[type] ?? 0 > place {
          found.append("\(file.path):\(line.number): \(folder) may not know \(type)")
        }
      }
    }
    return found
  }

  private static let files = Project.swift.filter { $0.path.hasPrefix("Sources/TallyCore/") }

  @Test("every file of Core stands in a folder that has a place in the line")
  func places() {
    for file in Self.files {
      let folder = Self.folder(of: file)
      #expect(folder.map(Self.order.contains) == true, "\(file.path)")
    }
  }

  @Test("no folder knows one above it")
  func arrows() {
    #expect(Self.files.count > 50)
    for arrow in Self.arrowsUp(Self.files) { Issue.record("\(arrow)") }
  }

  @Test("a rule that names the writer is found")
  func upwards() {
    let files = [
      SourceFile(path: "Sources/TallyCore/Writing/Writer.swift", lines: ["package final class Writer {}"]),
      SourceFile(
        path: "Sources/TallyCore/Credits/Rules.swift",
        lines: ["// A Writer asks.", "let text = \"Writer\"", "let writer: Writer"]),
    ]
    #expect(
      Self.arrowsUp(files) == ["Sources/TallyCore/Credits/Rules.swift:3: Credits may not know Writer"])
  }

  @Test("Core names neither SQLite nor SQL, and Server names no engine's type")
  func engines() {
    for file in Project.swift {
      let isCore = file.path.hasPrefix("Sources/TallyCore/")
      guard isCore || file.path.hasPrefix("Sources/TallyServer/") else { continue }
      for (index, line) in file.lines.enumerated() {
        let isNamed =
          isCore
          ? line.contains(/(?i)sqlite|\bSQL\b|\bpragma\b/) : line.contains(/\b(?:SQLite|Postgres)\w+/)
        if isNamed { Issue.record("\(file.path):\(index + 1): \(line)") }
      }
    }
  }
}
