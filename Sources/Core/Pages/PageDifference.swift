// Patches, and what differs between two contents of a page.
//
// Invariants:
// 1. A section differs when it stands in one content only, when its kind, text or media do, or when it was
//    moved. As few as possible count as moved: those outside the longest run that kept its order.
// 2. Operations are applied in their order, each to what the one before has made.
//
// Values, owned by nobody.

extension PageRules {
  // MARK: difference

  static func difference(from older: PageContent, to newer: PageContent) -> PageDifference {
    var difference = PageDifference()
    difference.title = !older.title.isExactly(newer.title)
    difference.settings = !older.settings.isExactly(newer.settings)
    let before = places(older)
    let after = places(newer)
    let kept = newer.sections.compactMap { before[ExactText($0.sectionId)] }
    let inOrder = Set(longestIncreasing(kept))
    for section in newer.sections {
      guard let place = before[ExactText(section.sectionId)], inOrder.contains(place),
        older.sections[place] == section
      else {
        difference.sectionIds.append(section.sectionId)
        continue
      }
    }
    for section in older.sections where after[ExactText(section.sectionId)] == nil {
      difference.sectionIds.append(section.sectionId)
    }
    return difference
  }

  private static func places(_ content: PageContent) -> [ExactText: Int] {
    Dictionary(
      content.sections.enumerated().map { (ExactText($0.element.sectionId), $0.offset) },
      uniquingKeysWith: { first, _ in first })
  }

  /// The longest increasing run among different numbers, not necessarily of neighbours. At most
  /// `PageLimits.sectionCount` numbers, so a square of that is little.
  private static func longestIncreasing(_ numbers: [Int]) -> [Int] {
    var lengths = [Int](repeating: 1, count: numbers.count)
    var previous = [Int?](repeating: nil, count: numbers.count)
    var best: Int?
    for index in numbers.indices {
      for earlier in 0..<index where numbers[earlier] < numbers[index] {
        if lengths[earlier] + 1 > lengths[index] {
          lengths[index] = lengths[earlier] + 1
          previous[index] = earlier
        }
      }
      if best.map({ lengths[index] > lengths[$0] }) ?? true { best = index }
    }
    var run: [Int] = []
    while let index = best {
      run.append(numbers[index])
      best = previous[index]
    }
    return run
  }

  // MARK: patches

  /// Whether nothing that the patch names has changed.
  static func isDisjoint(_ patch: PagePatch, from difference: PageDifference) -> Bool {
    if patch.title != nil && difference.title || patch.settings != nil && difference.settings { return false }
    let changed = Set(difference.sectionIds.map(ExactText.init))
    return !patch.sections.contains { changed.contains(ExactText($0.sectionId)) }
  }

  /// - Parameter version: that is to be made; made ids come from it.
  /// - Throws: `duplicateSection`, `invalidField` for a section that is not there.
  static func apply(
    _ patch: PagePatch, to content: PageContent, version: Int64
  ) throws(Refusal) -> PageContent {
    var content = content
    if let title = patch.title { content.title = title }
    if let settings = patch.settings { content.settings = settings }
    for (index, operation) in patch.sections.enumerated() {
      try apply(operation, index, to: &content.sections, version: version)
    }
    return content
  }

  private static func apply(
    _ operation: SectionPatch, _ index: Int, to sections: inout [PageSection], version: Int64
  ) throws(Refusal) {
    switch operation {
    case .add(var section, let position):
      if section.sectionId.isEmpty {
        section.sectionId = madeId(version: version, index: index, in: sections)
      } else if place(section.sectionId, in: sections) != nil {
        throw Refusal(
          .duplicateSection, "the page has a section \(section.sectionId) already",
          details: ["section_id": section.sectionId])
      }
      sections.insert(section, at: clamped(position, sections.count))
    case .update(let section):
      sections[try found(section.sectionId, index, in: sections)] = section
    case .move(let sectionId, let position):
      let section = sections.remove(at: try found(sectionId, index, in: sections))
      sections.insert(section, at: clamped(position, sections.count))
    case .remove(let sectionId):
      sections.remove(at: try found(sectionId, index, in: sections))
    }
  }

  private static func place(_ sectionId: String, in sections: [PageSection]) -> Int? {
    sections.firstIndex { $0.sectionId.isExactly(sectionId) }
  }

  private static func found(
    _ sectionId: String, _ index: Int, in sections: [PageSection]
  ) throws(Refusal) -> Int {
    if let place = place(sectionId, in: sections) { return place }
    throw Refusal(
      .invalidField, "patches[\(index)] names section \(sectionId), which the page does not have",
      details: ["field": "patches[\(index)]", "section_id": sectionId])
  }

  private static func clamped(_ position: Int32, _ count: Int) -> Int {
    position < 0 || Int(position) > count ? count : Int(position)
  }
}

extension SectionPatch {
  /// The id that it names; empty for one that is to be made.
  var sectionId: String {
    switch self {
    case .add(let section, _), .update(let section): section.sectionId
    case .move(let sectionId, _), .remove(let sectionId): sectionId
    }
  }
}
