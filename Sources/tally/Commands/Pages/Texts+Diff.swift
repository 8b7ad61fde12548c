// Differences of versions, as text for people.

internal import TallyMessages

extension Texts {
  static func diff(_ diff: TallystickV1.DiffVersionsResponse) -> String {
    var lines = ["version \(diff.fromVersion) to \(diff.toVersion)"]
    if let title = diff.title { lines.append("title: \(words(title))") }
    if let settings = diff.settings { lines.append("settings: \(words(settings))") }
    for section in diff.sections {
      lines.append("section \(section.sectionId): \(change(section))")
      if let content = section.content { lines.append("  \(words(content))") }
    }
    if lines.count == 1 { lines.append("nothing differs") }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func change(_ section: TallystickV1.SectionDiff) -> String {
    switch section.change {
    case .added: return "added at \(section.toPosition ?? 0)"
    case .removed: return "removed from \(section.fromPosition ?? 0)"
    default: break
    }
    var parts: [String] = []
    if section.moved { parts.append("moved from \(section.fromPosition ?? 0) to \(section.toPosition ?? 0)") }
    if section.fromKind != section.toKind { parts.append("kind \(section.fromKind) to \(section.toKind)") }
    if section.otherImages { parts.append("other images") }
    if section.content != nil { parts.append("other content") }
    return parts.joined(separator: ", ")
  }

  private static func words(_ diff: TallystickV1.TextDiff) -> String {
    if diff.leftOut { return "(too long to be shown)" }
    return diff.pieces.map { piece in
      switch piece.kind {
      case .removed: "[-\(piece.text)-]"
      case .added: "{+\(piece.text)+}"
      default: piece.text
      }
    }.joined()
  }
}
