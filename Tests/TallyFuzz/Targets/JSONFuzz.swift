// JSON: what parses is printed so that it parses to the same again, on one line and on several.
//
// Input: text.

@testable import TallyProtoJSON

enum JSONFuzz {
  static func run(_ bytes: [UInt8]) throws {
    guard let text = FuzzInput(bytes).text, let json = try? JSON.parse(text) else { return }
    try require(try JSON.parse(json.compact) == json, "JSON on one line is the same JSON")
    try require(try JSON.parse(json.pretty) == json, "JSON on several lines is the same JSON")
  }
}
