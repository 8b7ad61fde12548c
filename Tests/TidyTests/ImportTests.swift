// Who may import whom: the table of docs/ARCHITECTURE.md, held against the sources' import lines.

import Testing

@Suite("Imports")
struct ImportTests {
  /// What each room may import beside the standard library.
  static let table: [String: Set<String>] = [
    "TallyLocking": ["Glibc"],
    "TallyMeasuring": ["Glibc", "TallyLocking", "Synchronization"],
    "TallyMessages": ["CTallyMessages", "CTallyProtobufC", "Glibc"],
    "TallyProtoJSON": [],
    "TTRPC": ["CTallyLinux", "DequeModule", "Dispatch", "Glibc", "TallyLocking", "Synchronization"],
    "TallySQLite": ["CTallySQLite", "Glibc", "TallyLocking", "TallyMeasuring"],
    "TallyCore": [
      "Crypto", "DequeModule", "Dispatch", "Glibc", "Swift", "Synchronization", "TallyLocking",
      "TallyMeasuring",
    ],
    "TallySQLiteStore": [
      "TallyCore", "TallySQLite", "Crypto", "Dispatch", "Glibc", "TallyLocking", "TallyMeasuring",
    ],
    "TallyServer": [
      "Synchronization", "TTRPC", "TallyMessages", "TallyProtoJSON", "TallyCore", "Crypto", "Logging",
      "Dispatch", "Glibc", "TallyLocking", "TallyMeasuring",
    ],
    "TallyClient": ["TTRPC", "TallyMessages", "Dispatch", "Glibc", "TallyLocking"],
    "TallyTesting": ["CTallyProcess", "TallyClient", "TallyMessages", "TallyLocking", "Glibc"],
    "tally": [
      "CTallyProcess", "TallyServer", "TallyClient", "TallyTesting", "TTRPC", "TallyMessages",
      "TallyProtoJSON", "TallyCore", "TallySQLiteStore", "ArgumentParser", "Logging", "Dispatch", "Glibc",
      "TallyLocking", "TallyMeasuring",
    ],
    "TallyBench": ["ArgumentParser", "Glibc"],
  ]

  /// Targets without Swift: the floors and the load generator.
  static let benchmarksInC: Set<String> = [
    "CTallyBenchWire", "CTallyFloorEcho", "CTallyFloorConsume", "CTallyLoadGenerator",
  ]
  /// Programs that stand with the tests.
  static let testPrograms: Set<String> = [
    "TallyFaultyServer", "TallyClientWorker", "TallyLoadWorker", "TallyFuzz",
  ]
  /// What the tests of all rooms share.
  static let testLibraries: Set<String> = [
    "TallyTestSupport", "TallyMemoryEngine", "TallyModel", "TallyLoad", "CTallyFaultyDisk",
    "CTallyFaultyMemory",
  ]
  /// What stands in for a package when the fuzzer is built.
  static let standIns: Set<String> = ["Crypto"]

  /// The modules that a file imports, with the line.
  static func imports(_ file: SourceFile) -> [(line: Int, module: String)] {
    let form =
      /(?:@\w+(?:\(\w+\))? +)*(?:(?:public|package|internal|private) +)?import +(?:\w+ +)?(\w+)(?:\.\w+)*\s*/
    return file.code.compactMap { number, text in
      guard let match = text.wholeMatch(of: form) else { return nil }
      return (number, String(match.1))
    }
  }

  @Test("each room imports only what stands below it")
  func table() {
    for file in Project.sources {
      guard let allowed = Self.table[file.room] else {
        Issue.record("\(file.path): no such room in the import table")
        continue
      }
      for (line, module) in Self.imports(file) where !allowed.contains(module) {
        Issue.record("\(file.path):\(line): \(file.room) may not import \(module)")
      }
    }
  }

  @Test("the package has a target for each room, and no other")
  func package() throws {
    let manifest = try #require(Project.swift.first { $0.path == "Package.swift" })
    let text = manifest.lines.joined(separator: "\n")
    let targets = Set(
      text.matches(of: /\.(?:executableTarget|target)\(\s*name: "(\w+)"/).map { String($0.1) })
    let rooms = Set(Self.table.keys).union([
      "CTallySQLite", "CTallyProtobufC", "CTallyLinux", "CTallyProcess", "CTallyMessages",
    ])
    let known = rooms.union(Self.benchmarksInC).union(Self.testPrograms)
      .union(Self.testLibraries).union(Self.standIns)
    #expect(targets.subtracting(known) == [])
    #expect(known.subtracting(targets) == [])
  }

  @Test("no program or library imports Foundation")
  func foundation() {
    for file in Project.sources {
      for (line, module) in Self.imports(file) where module.hasPrefix("Foundation") {
        Issue.record("\(file.path):\(line): imports \(module)")
      }
    }
  }

  @Test(
    "an import line is read whatever stands before it",
    arguments: [
      "import Glibc", "internal import Glibc", "public import Glibc", "@testable import Glibc",
      "import struct Glibc.stat", "@preconcurrency internal import Glibc  // why",
    ])
  func reading(line: String) {
    let file = SourceFile(path: "Sources/TallyCore/A.swift", lines: [line])
    #expect(Self.imports(file).map(\.module) == ["Glibc"])
  }
}
