// The form of every file: lengths, the opening comment, and what may not be written at all.

import Testing

@Suite("Form")
struct FormTests {
  static let maximumLines = 500
  static let maximumFunctionLines = 70
  static let maximumColumns = 110

  @Test("no file of ours is 500 lines long")
  func fileLength() {
    for file in Project.files where file.isSwift || file.path.hasSuffix(".c") || file.path.hasSuffix(".py") {
      #expect(file.lines.count <= Self.maximumLines, "\(file.path)")
    }
  }

  @Test("no line is longer than 110 characters")
  func lineLength() {
    for file in Project.swift {
      for (index, line) in file.lines.enumerated() where line.count > Self.maximumColumns {
        Issue.record("\(file.path):\(index + 1): \(line.count) characters")
      }
    }
  }

  /// The functions of a formatted file: where each begins, and its number of lines. One ends at the
  /// first closing brace that stands as far in as its declaration. A requirement of a protocol has none.
  static func functions(_ lines: [String]) -> [(line: Int, count: Int)] {
    lines.indices.compactMap { start in
      let line = lines[start]
      let indentation = line.prefix { $0 == " " }
      let declaration = /^ *(?:[\w@]+(?:\([\w ]+\))? +)*(?:func +\S|init[?(<]|deinit)/
      // Most lines are none, as is seen without the expression.
      guard line.contains("func ") || line.contains("init"), line.firstMatch(of: declaration) != nil,
        !line.hasSuffix("}")
      else { return nil }
      let end = lines[start...].firstIndex { line in
        line.drop { $0 == " " }.hasPrefix("}") && line.prefix { $0 == " " }.count <= indentation.count
      }
      guard let end, lines[end].hasPrefix("\(indentation)}") else { return nil }
      return (start + 1, end - start + 1)
    }
  }

  @Test("no function is longer than 70 lines")
  func functionLength() {
    for file in Project.swift {
      for (line, count) in Self.functions(file.lines) where count > Self.maximumFunctionLines {
        Issue.record("\(file.path):\(line): a function of \(count) lines")
      }
    }
  }

  @Test("a function's length is counted from its declaration to its brace")
  func counting() {
    let lines = ["struct A {", "  func b() {", "    if c {", "    }", "  }", "}"]
    #expect(Self.functions(lines).map(\.line) == [2])
    #expect(Self.functions(lines).map(\.count) == [4])
    let requirement = ["protocol A {", "  func b()", "}", "struct C {", "  func d() {", "  }", "}"]
    #expect(Self.functions(requirement).map(\.line) == [5])
  }

  @Test("every Swift file opens with a comment that says what it is for")
  func opening() {
    for file in Project.swift where file.path != "Package.swift" {
      let first = file.lines.first ?? ""
      #expect(first.hasPrefix("// ") && first.count > 12, "\(file.path)")
    }
  }

  @Test("no try!, no as!, no fatalError on the way of a call")
  func forcing() {
    let refused = ["try" + "!", "as" + "!", "fatalError" + "(", "Mutex" + "<", "print" + "(\"DEBUG"]
    for file in Project.sources {
      for (number, text) in file.code {
        for word in refused where text.contains(word) {
          Issue.record("\(file.path):\(number): \(word)")
        }
      }
    }
  }

  @Test("@unchecked Sendable stands under its reason")
  func unchecked() {
    for file in Project.sources {
      for (number, text) in file.code where text.contains("@unchecked Sendable") {
        let above = file.lines[max(0, number - 12)..<(number - 1)]
        #expect(above.contains { $0.contains("//") }, "\(file.path):\(number)")
      }
    }
  }

  @Test("no file names a place on somebody's machine")
  func machinePaths() {
    let places = ["/home/", "/Users/", "/work" + "/"]
    for file in Project.files where !file.path.hasPrefix("Tests/TidyTests/") {
      for (index, line) in file.lines.enumerated() {
        for place in places where line.contains(place) {
          Issue.record("\(file.path):\(index + 1): \(place)")
        }
      }
    }
  }
}
