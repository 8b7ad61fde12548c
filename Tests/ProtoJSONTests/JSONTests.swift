// JSON text, base64 and decimal numbers.

import Testing

@testable import TallyProtoJSON

@Suite("JSON")
struct JSONTests {
  @Test(
    "what is written is what was read",
    arguments: [
      "null", "true", "[1,-2.5e10,\"a\"]", #"{"a":{"b":[]},"c":"\"\\\n"}"#, #""\u0000""#, "{}",
      "\"é\u{1F600}\"",
    ])
  func roundTrip(text: String) throws {
    #expect(try JSON.parse(text).compact == text)
  }

  @Test("escapes are read, surrogate pairs among them")
  func escapes() throws {
    #expect(try JSON.parse(#""\u0041\ud83d\ude00\/\b""#) == .string("A\u{1F600}/\u{08}"))
  }

  @Test(
    "what is not JSON is refused",
    arguments: [
      "", "{", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "01", "1.", "\"\u{01}\"", "nul", "1 2",
      #""\ud83d""#,
      #""\u12g4""#, "{a:1}", "'a'", "\"", "-", "+1", #""\u+123""#,
    ])
  func refusing(text: String) {
    #expect(throws: JSONError.self) { try JSON.parse(text) }
  }

  @Test("nesting up to the limit is read, and no deeper")
  func depth() throws {
    let deepest =
      String(repeating: "[", count: JSON.maximumDepth) + String(repeating: "]", count: JSON.maximumDepth)
    #expect(throws: Never.self) { try JSON.parse(deepest) }
    #expect(throws: JSONError.self) { try JSON.parse("[" + deepest + "]") }
  }

  @Test(
    "base64 of both alphabets, with and without padding",
    arguments: [
      ("", []), ("Zg==", [102]), ("Zg", [102]), ("Zm8=", [102, 111]), ("Zm9v", [102, 111, 111]),
      ("-_8=", [251, 255]),
      ("+/8", [251, 255]),
    ] as [(String, [UInt8])])
  func base64(text: String, bytes: [UInt8]) {
    #expect(Base64.decode(text) == bytes)
    #expect(Base64.decode(Base64.encode(bytes)) == bytes)
  }

  @Test("what is not base64 is refused", arguments: ["A", "A===", "Zm9v!", "Z g="])
  func notBase64(text: String) {
    #expect(Base64.decode(text) == nil)
  }

  @Test(
    "an integer may be written as proto3 JSON allows, and only exactly",
    arguments: [
      ("12", 12), ("-12", -12), ("1e3", 1_000), ("1.50e1", 15), ("5000e-3", 5), ("0.0", 0), ("1.5", nil),
      ("1e19", nil), ("9223372036854775808", nil), ("1e99", nil), ("", nil),
    ] as [(String, Int64?)])
  func integers(text: String, value: Int64?) {
    #expect(Decimal(text)?.scaled(by: 0) == value)
  }
}
