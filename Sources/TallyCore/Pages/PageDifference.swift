// Patches, and what differs between two contents of a page.
//
// Invariants:
// 1. A section differs when it stands in one content only, when its kind, text or media do, or when it was
//    moved. As few as possible count as moved: those outside the longest run that kept its order.
// 2. Operations are applied in their order, each to what the one before has made.
// 3. A stale patch touches nothing that was changed since. Where a section stands is told only by all that
//    stay: when they were put into another order, no patch may place one of them.

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

  static func places(_ content: PageContent) -> [ExactText: Int] {
    Dictionary(
      content.sections.enumerated().map { (ExactText($0.element.sectionId), $0.offset) },
      uniquingKeysWith: { first, _ in first })
  }

  /// The longest increasing run among different numbers, not necessarily of neighbours. At most
  /// `PageLimits.sectionCount` numbers, so a square of that is little.
  static func longestIncreasing(_ numbers: [Int]) -> [Int] {
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

  /// Whether nothing that the patch names has changed since.
  /// - Parameter base: the content that the patch was made from.
  static func isDisjoint(_ patch: PagePatch, from base: PageContent, to current: PageContent) -> Bool {
    if patch.title != nil && !base.title.isExactly(current.title) { return false }
    if patch.settings != nil && !base.settings.isExactly(current.settings) { return false }
    let (before, after) = (places(base), places(current))
    let kept = current.sections.compactMap { before[ExactText($0.sectionId)] }
    let isReordered = kept != kept.sorted()
    return patch.sections.allSatisfy { operation in
      let id = ExactText(operation.sectionId)
      let old = before[id].map { base.sections[$0] }
      // Changed, gone or new.
      guard old == after[id].map({ current.sections[$0] }) else { return false }
      return switch operation {
      case .move: !isReordered
      // Of a section that is there: the patch removes it first, so that it is a move too.
      case .add: old == nil || !isReordered
      case .update, .remove: true
      }
    }
  }

  /// Whether a version is what the patch makes of the one before it.
  /// - Parameter before: the content of the version before.
  static func isMade(
    _ content: PageContent, version: Int64, by patch: PagePatch, from before: PageContent
  ) -> Bool {
    do { return try apply(patch, to: before, version: version) == content } catch { return false }
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
          .duplicateSection, "the page already has a section \(section.sectionId)",
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
