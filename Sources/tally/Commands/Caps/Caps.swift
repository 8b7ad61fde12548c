// Caps on the command line: `daily=money,day,5`, and as text for people.

internal import ArgumentParser
internal import TallyMessages
internal import TallyProtoJSON

enum Caps {
  static let form = "id=measure,window,limit[,model[,type]]"

  static func parse(_ text: String, isMicros: Bool) throws(Failure) -> TallystickV1.Cap {
    let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let parts = (sides.last ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard sides.count == 2, (3...5).contains(parts.count) else {
      throw Failure(.usage, "\(JSON.quoted(text)) is not of the form \(form)")
    }
    var cap = TallystickV1.Cap()
    cap.capId = String(sides[0])
    let measure = try TallystickV1.CapMeasure.parse([parts[0]], among: TallystickV1.CapMeasure.choices)
    cap.measure = measure.first ?? .unspecified
    if parts[1].hasSuffix("h"), let hours = Int32(parts[1].dropLast()) {
      (cap.window, cap.hours) = (.lastHours, hours)
    } else if let window = TallystickV1.CapWindow.choices.first(where: { $0.word == parts[1] }) {
      cap.window = window
    } else {
      let words = TallystickV1.CapWindow.choices.map(\.word).joined(separator: ", ")
      throw Failure(
        .usage, "\(JSON.quoted(parts[1])) is not one of \(words), or a number of hours such as 24h")
    }
    if parts[2] != "none" { cap.limitAmount = try limit(parts[2], cap.measure, isMicros: isMicros) }
    cap.model = parts.count > 3 ? parts[3] : ""
    cap.type = parts.count > 4 ? parts[4] : ""
    return cap
  }

  private static func limit(
    _ text: String, _ measure: TallystickV1.CapMeasure, isMicros: Bool
  ) throws(Failure) -> Int64 {
    if measure == .money {
      let micros = try Amounts.parse(text, isMicros: isMicros)
      if (0...Amounts.limitMicros).contains(micros) { return micros }
      let limit = isMicros ? "\(Amounts.limitMicros) micro-USD" : Dollars.format(Amounts.limitMicros)
      throw Failure(.usage, "a cap is from 0 to \(limit), not \(JSON.plain(text))")
    }
    guard let count = Int64(text) else {
      throw Failure(.usage, "\(JSON.quoted(text)) is not a number of generations")
    }
    return count
  }

  static func window(_ cap: TallystickV1.Cap) -> String {
    cap.window == .lastHours ? "\(cap.hours)h" : cap.window.word
  }

  static func format(_ amount: Int64, _ measure: TallystickV1.CapMeasure) -> String {
    measure == .money ? Dollars.format(amount) : Texts.count(amount)
  }

  static func limit(_ cap: TallystickV1.Cap) -> String {
    cap.limitAmount.map { format($0, cap.measure) } ?? "none"
  }

  /// Such as `daily=money,day,$5.00`.
  static func format(_ cap: TallystickV1.Cap) -> String {
    var parts = [cap.measure.word, window(cap), limit(cap)]
    if !cap.model.isEmpty || !cap.type.isEmpty { parts.append(cap.model) }
    if !cap.type.isEmpty { parts.append(cap.type) }
    return "\(cap.capId)=\(parts.joined(separator: ","))"
  }
}

extension TallystickV1.CapMeasure: WireWord {
  static let choices = known.filter { $0 != .unspecified }
}

extension TallystickV1.CapWindow: WireWord {
  /// The last hours are written as a number of them.
  static let choices = known.filter { $0 != .unspecified && $0 != .lastHours }
}

extension Texts {
  static func caps(_ lists: [TallystickV1.SubjectCaps]) -> String {
    var table = Table(
      [
        ("SPENDER", .left), ("CAP", .left), ("MEASURE", .left), ("WINDOW", .left), ("LIMIT", .right),
        ("MODEL", .left), ("TYPE", .left),
      ], optional: ["TYPE", "MODEL"])
    for list in lists {
      for cap in list.caps {
        table.add([
          list.spender.isEmpty ? "-" : list.spender, cap.capId, cap.measure.word, Caps.window(cap),
          Caps.limit(cap), cap.model.isEmpty ? "-" : cap.model, cap.type.isEmpty ? "-" : cap.type,
        ])
      }
    }
    return table.text
  }

  static func capUses(_ uses: [TallystickV1.CapUse]) -> String {
    var table = Table(
      [
        ("CAP", .left), ("MEASURE", .left), ("WINDOW", .left), ("USED", .right), ("LIMIT", .right),
        ("RESETS", .time), ("MODEL", .left), ("TYPE", .left),
      ], optional: ["TYPE", "MODEL"])
    for use in uses {
      let cap = use.cap ?? TallystickV1.Cap()
      table.add([
        cap.capId, cap.measure.word, Caps.window(cap), Caps.format(use.used, cap.measure), Caps.limit(cap),
        Timestamp.format(use.resetsAtMicros), cap.model.isEmpty ? "-" : cap.model,
        cap.type.isEmpty ? "-" : cap.type,
      ])
    }
    return table.text
  }
}
