// The embedded descriptors, and what the protos must keep.
import Testing

@testable import TallyMessages

@Suite("Descriptors") struct DescriptorTests {
  @Test("no message contains itself")
  func noRecursion() throws {
    let contents = try Schema.read()
    #expect(contents.count == messageTypes.count)
    func walk(_ name: String, _ above: [String]) throws {
      try #require(!above.contains(name), "\(above) \(name)")
      for inner in try #require(contents[name], "\(name)") { try walk(inner, above + [name]) }
    }
    for name in contents.keys { try walk(name, []) }
    // The walk can fail: it sees more than one level.
    #expect(contents["tallystick.v1.BatchConsumeResponse"] == ["tallystick.v1.ConsumeResult"])
  }

  @Test("files stand after what they import")
  func order() {
    var seen: Set<String> = []
    for file in EmbeddedDescriptors.fileDescriptors {
      #expect(seen.isSuperset(of: file.dependencies))
      seen.insert(file.name)
    }
    let credits = EmbeddedDescriptors.file(named: "tallystick/v1/credits.proto")
    #expect(
      credits.map { EmbeddedDescriptors.withDependencies($0).map(\.name) }
        == ["tallystick/v1/errors.proto", "tallystick/v1/credits.proto"])
  }

  @Test("symbols are found: messages, enums, services and methods")
  func symbols() {
    for symbol in [
      "tallystick.v1.ConsumeRequest", "tallystick.v1.HoldState", "tallystick.v1.CreditService",
      "tallystick.v1.CreditService.Consume",
    ] {
      #expect(
        EmbeddedDescriptors.file(containing: symbol)?.name == "tallystick/v1/credits.proto", "\(symbol)")
    }
    #expect(
      EmbeddedDescriptors.file(containing: "grpc.health.v1.HealthCheckResponse.ServingStatus")?.package
        == "grpc.health.v1")
    #expect(EmbeddedDescriptors.file(containing: "tallystick.v1.Nothing") == nil)
  }

  @Test("services carry their methods' streaming")
  func services() {
    let services = EmbeddedDescriptors.services
    #expect(services.map(\.name).contains("grpc.reflection.v1.ServerReflection"))
    let conformance = services.first { $0.name == TallystickTestingV1.Conformance.name }
    let kinds = conformance?.methods.map { "\($0.name) \($0.kind)" }
    #expect(
      kinds == [
        "Echo unary", "Fail unary", "Sleep unary", "Sum clientStream", "Count serverStream",
        "Chat bidirectional", "Inspect unary",
      ])
    #expect(TallystickTestingV1.Conformance.chat.kind == .bidirectional)
    #expect(TallystickTestingV1.Conformance.chat.method == "Chat")
    #expect(TallystickV1.CreditService.consume.service == "tallystick.v1.CreditService")
  }
}

/// Which messages each message contains, read from the embedded descriptors.
private enum Schema {
  static func read() throws -> [String: [String]] {
    var contents: [String: [String]] = [:]
    for file in EmbeddedDescriptors.fileDescriptors {
      for message in try fields(file.serialized, 4) {
        try read(message, scope: file.package, into: &contents)
      }
    }
    return contents
  }

  private static func read(
    _ message: ArraySlice<UInt8>, scope: String, into contents: inout [String: [String]]
  ) throws {
    let name = "\(scope).\(try text(message, 1))"
    var inner: [String] = []
    for field in try fields(message, 2) {
      let type = try text(field, 6)
      // A map's entry is a nested message of two texts.
      if !type.isEmpty, !type.hasSuffix("Entry") { inner.append(String(type.dropFirst())) }
    }
    contents[name] = inner.filter { name in messageTypes.contains { $0.fullName == name } }
  }

  private static func text(_ message: ArraySlice<UInt8>, _ number: UInt64) throws -> String {
    String(decoding: try fields(message, number).last ?? [], as: UTF8.self)
  }

  /// The contents of a field of wire type 2, each time that it stands in a message.
  private static func fields(
    _ message: some Collection<UInt8>, _ number: UInt64
  ) throws -> [ArraySlice<UInt8>] {
    var rest = Array(message)[...]
    var found: [ArraySlice<UInt8>] = []
    while !rest.isEmpty {
      let tag = try varint(&rest)
      let value = try varint(&rest)
      guard tag & 7 != 0 else { continue }
      guard tag & 7 == 2, rest.count >= Int(value) else { throw Vectors.Missing(what: "a field") }
      if tag >> 3 == number { found.append(rest.prefix(Int(value))) }
      rest = rest.dropFirst(Int(value))
    }
    return found
  }

  private static func varint(_ rest: inout ArraySlice<UInt8>) throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard let byte = rest.popFirst() else { throw Vectors.Missing(what: "a number") }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw Vectors.Missing(what: "a number of at most 64 bits")
  }
}
