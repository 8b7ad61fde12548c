// Dollars in and out.

import Testing

@testable import tally

@Suite("Dollars")
struct DollarsTests {
  @Test(
    "an amount is read exactly",
    arguments: [
      ("$1.25", 1_250_000), ("1.25", 1_250_000), ("10", 10_000_000), ("$0.000001", 1), ("-$3", -3_000_000),
      ("-0.5", -500_000), ("+2", 2_000_000), ("0", 0), ("9223372036854.775807", Int64.max),
      ("-9223372036854.775808", Int64.min), ("1.2500000000", 1_250_000),
    ] as [(String, Int64)])
  func reading(text: String, micros: Int64) {
    #expect(Dollars.parse(text) == micros)
  }

  @Test(
    "what is no amount is refused",
    arguments: [
      "", "$", "-", "1.2.3", "1,00", "$-1", ".5", "$.5", "1.", "--1", "1e3", "0.0000001",
      "9223372036854.775808", "one", " 1",
      "+", ".",
    ])
  func refusing(text: String) {
    #expect(Dollars.parse(text) == nil)
  }

  @Test(
    "an amount is written with two to six places",
    arguments: [
      (0, "$0.00"), (1, "$0.000001"), (1_250_000, "$1.25"), (-3_000_000, "-$3.00"),
      (1_234_567_890_000, "$1,234,567.89"),
      (100_500, "$0.1005"), (Int64.min, "-$9,223,372,036,854.775808"),
    ] as [(Int64, String)])
  func writing(micros: Int64, text: String) {
    #expect(Dollars.format(micros) == text)
  }
}
