// A model's price, as an argument and as text.

internal import TallyMessages
internal import TallyProtoJSON

/// A model's price as an argument: `gpt-x=3,15,0.04`.
enum Prices {
  /// How people write the empty model, which stands for every model without a price of its own.
  static let anyModel = "*"

  static func parse(_ text: String, isMicros: Bool) throws(Failure) -> TallystickV1.ModelPrice {
    let sides = text.split(separator: "=", omittingEmptySubsequences: false)
    let amounts = (sides.last ?? "").split(separator: ",", omittingEmptySubsequences: false)
    guard sides.count >= 2, amounts.count == 3, !text.hasPrefix("=") else {
      throw Failure(.usage, "\(JSON.quoted(text)) is not a price such as gpt-x=3,15,0.04")
    }
    var price = TallystickV1.ModelPrice()
    let model = sides.dropLast().joined(separator: "=")
    price.model = model == anyModel ? "" : model
    price.inputMicrosPerMillion = try Amounts.parse(String(amounts[0]), isMicros: isMicros)
    price.outputMicrosPerMillion = try Amounts.parse(String(amounts[1]), isMicros: isMicros)
    price.imageMicros = try Amounts.parse(String(amounts[2]), isMicros: isMicros)
    return price
  }

  static func format(_ price: TallystickV1.ModelPrice) -> String {
    let amounts = [price.inputMicrosPerMillion, price.outputMicrosPerMillion, price.imageMicros]
    return "\(price.model.isEmpty ? anyModel : price.model)="
      + amounts.map(Dollars.format).joined(separator: ",")
  }
}
