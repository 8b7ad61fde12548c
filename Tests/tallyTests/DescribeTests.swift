// Descriptors back as .proto text.

import TallyProtoJSON
import Testing

@testable import tally

@Suite("Describe")
struct DescribeTests {
  @Test("a method, a message and an enum are described as their .proto says")
  func description() throws {
    let description = Description(pool: try DescriptorPool.embedded())
    let balance = try #require(description.text(of: "tallystick.v1.Balance"))
    #expect(balance.contains("message tallystick.v1.Balance {\n  string user_id = 1;"))
    #expect(balance.contains("  oneof next_expiry {\n    int64 next_expiry_at_micros = 6;\n  }\n"))
    let consume = try #require(description.text(of: "tallystick.v1.ConsumeRequest"))
    #expect(consume.contains("map<string, string> metadata = 6;"))
    let verify = try #require(description.text(of: "tallystick.v1.AdminService/Verify"))
    #expect(
      verify.contains(
        "rpc Verify(tallystick.v1.VerifyRequest) returns (stream tallystick.v1.VerifyResponse);"))
    let state = try #require(description.text(of: "tallystick.v1.HoldState"))
    #expect(state.contains("HOLD_STATE_OPEN = 1;"))
    #expect(description.text(of: "tallystick.v1.Nothing") == nil)
  }
}
