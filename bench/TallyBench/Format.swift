// Numbers as text, and progress on standard error.

enum Format {
  /// `1,234,567`.
  static func whole(_ value: Double) -> String {
    let digits = String(Int(value.rounded()))
    var text = ""
    for (index, digit) in digits.enumerated() {
      let left = digits.count - index
      if index > 0, left % 3 == 0, digits.prefix(index) != "-" { text.append(",") }
      text.append(digit)
    }
    return text
  }

  /// One decimal below a hundred, else whole.
  static func rate(_ perSecond: Double) -> String {
    perSecond < 100 ? decimal(perSecond) : whole(perSecond)
  }

  static func micros(_ value: Double) -> String {
    value < 100 ? decimal(value) : whole(value)
  }

  /// With `places` decimals, 1 to 3.
  static func decimal(_ value: Double, places: Int = 1) -> String {
    let scale = places == 1 ? 10.0 : places == 2 ? 100.0 : 1000.0
    let scaled = Int((value * scale).rounded())
    let fraction = String(scaled.magnitude % UInt(scale))
    let padding = String(repeating: "0", count: places - fraction.count)
    let sign = scaled < 0 ? "-" : ""
    return "\(sign)\(whole(Double(scaled.magnitude / UInt(scale)))).\(padding)\(fraction)"
  }

  /// `1.234 ms`, of microseconds.
  static func millis(micros: Double) -> String {
    decimal(micros / 1000, places: 3) + " ms"
  }

  /// `1.23x`.
  static func ratio(_ value: Double) -> String {
    decimal(value, places: 2) + "x"
  }
}

enum Progress {
  static func line(_ text: String) {
    SystemCall.writeToStandardError(text + "\n")
  }
}
