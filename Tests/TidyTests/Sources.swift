// Reads the project's own files for the tidy tests.

import FoundationEssentials

/// A text file of the project.
struct SourceFile: Sendable {
  /// From the project's root, such as `Sources/TTRPC/Wire/Frame.swift`.
  var path: String
  var lines: [String]

  /// The target's name for files under Sources, bench and Tests; else empty.
  var room: String {
    let parts = path.split(separator: "/")
    guard parts.count > 2, ["Sources", "bench", "Tests"].contains(parts[0]) else { return "" }
    return String(parts[1])
  }

  /// Of a library or a program, and not of tests.
  var isOfProgram: Bool {
    path.hasPrefix("Sources/") || path.hasPrefix("bench/") && !path.hasPrefix("bench/BenchTests/")
  }

  /// Written by `make generate`.
  var isGenerated: Bool {
    path.contains("/Generated/") || path.contains("/generated/") || path.contains("Sources/CTallyMessages/")
      || path.contains("/_generated/") || path == "proto/vectors/messages/messages.txt"
  }

  var isSwift: Bool { path.hasSuffix(".swift") }

  /// Lines with their number from 1, comments cut off.
  var code: [(number: Int, text: Substring)] {
    lines.enumerated().map { index, line in
      let cut = line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line[...]
      return (index + 1, cut)
    }
  }
}

/// The project's tree, from the place of this very file.
enum Project {
  static let folders = ["Sources", "Tests", "proto", "clients", "docs", "scripts", "bench"]

  static var root: String {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    return parts.joined(separator: "/")
  }

  /// Every text file that is written by hand.
  static let files: [SourceFile] = {
    let manager = FileManager.default
    var paths = (try? manager.contentsOfDirectory(atPath: root)) ?? []
    for folder in folders {
      let inside = (try? manager.subpathsOfDirectory(atPath: "\(root)/\(folder)")) ?? []
      paths += inside.map { "\(folder)/\($0)" }
    }
    return paths.filter { !$0.hasPrefix(".git") }.sorted().compactMap { path in
      guard let data = manager.contents(atPath: "\(root)/\(path)"), data.count < 4 << 20,
        let text = String(validating: data, as: UTF8.self)
      else { return nil }
      let file = SourceFile(
        path: path, lines: text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
      return file.isGenerated ? nil : file
    }
  }()

  static var swift: [SourceFile] { files.filter(\.isSwift) }

  /// The Swift of the libraries, the programs and the benchmarks.
  static var sources: [SourceFile] { swift.filter(\.isOfProgram) }
}
