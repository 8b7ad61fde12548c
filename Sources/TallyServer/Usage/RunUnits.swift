// What a request says that a run has used, as counts of classes that have nothing in common.
//
// Invariants:
// 1. A class is given once: by its field or among the units.
// 2. A total says what its class is by what it leaves; a class that is given too has to agree.

internal import TallyCore
internal import TallyMessages

struct RunUnits {
  private(set) var inputTokens: Int64 = 0
  private(set) var outputTokens: Int64 = 0
  private(set) var images: Int64 = 0
  private(set) var others: [UnitCount] = []

  init(
    inputTokens: Int64, outputTokens: Int64, images: Int64, units: [TallystickV1.UnitCount],
    promptTokens: Int64?, completionTokens: Int64?, _ path: FieldPath
  ) throws(Refusal) {
    var counts: [UnitClass: Int64] = [:]
    for (unitClass, count, field) in [
      (UnitClass.input, inputTokens, "input_tokens"), (.output, outputTokens, "output_tokens"),
      (.image, images, "images"),
    ] {
      try Self.requireCount(count, path(field))
      if count != 0 { counts[unitClass] = count }
    }
    for (index, unit) in units.enumerated() {
      let field = "units[\(index)]"
      guard let unitClass = UnitClass(rawValue: unit.unitClass.rawValue) else {
        throw invalidField(path("\(field).unit_class"), "must be set to a known value")
      }
      try Self.requireCount(unit.count, path("\(field).count"))
      guard counts.updateValue(unit.count, forKey: unitClass) == nil else {
        throw invalidField(path("\(field).unit_class"), "is given more than once")
      }
    }
    if let promptTokens {
      try Self.rest(
        of: promptTokens, is: .input, but: [.cacheRead, .cacheWrite, .cacheWriteLong, .audioInput], &counts,
        path("prompt_tokens"))
    }
    if let completionTokens {
      try Self.rest(
        of: completionTokens, is: .output, but: [.reasoning, .audioOutput], &counts,
        path("completion_tokens"))
    }
    self.inputTokens = counts.removeValue(forKey: .input) ?? 0
    self.outputTokens = counts.removeValue(forKey: .output) ?? 0
    self.images = counts.removeValue(forKey: .image) ?? 0
    others = [UnitCount](input: 0, output: 0, images: 0, others: counts.map { UnitCount($0.key, $0.value) })
  }

  private static func rest(
    of total: Int64, is unitClass: UnitClass, but parts: [UnitClass], _ counts: inout [UnitClass: Int64],
    _ field: String
  ) throws(Refusal) {
    try requireCount(total, field)
    // Each of them is far from the end of int64.
    let rest = parts.reduce(total) { $0 - (counts[$1] ?? 0) }
    if rest < 0 { throw invalidField(field, "is less than its parts") }
    guard counts.updateValue(rest, forKey: unitClass) ?? rest == rest else {
      throw invalidField(field, "does not agree with its parts")
    }
  }

  private static func requireCount(_ count: Int64, _ field: String) throws(Refusal) {
    if count < 0 || count > Limits.runUnitCount {
      throw invalidField(field, "must be from 0 to \(Limits.runUnitCount)", limit: Limits.runUnitCount)
    }
  }
}
