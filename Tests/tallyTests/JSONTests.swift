// JSON text, base64 and times.

import Testing

@testable import tally

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
    "times in UTC",
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59.999999Z"),
      (951_782_400_000_000, "2000-02-29T00:00:00Z"),
      (1_795_507_312_120_000, "2026-11-24T08:01:52.120Z"),
    ] as [(Int64, String)])
  func times(micros: Int64, text: String) {
    #expect(Timestamp.format(micros) == text)
    #expect(Timestamp.parse(text) == micros)
  }

  @Test(
    "what is no time is refused",
    arguments: [
      "2026-02-29", "2026-13-01", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "soon", "2026-00-10",
    ])
  func notTimes(text: String) {
    #expect(Timestamp.parse(text) == nil)
  }
}
