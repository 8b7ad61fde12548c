// What can be fuzzed: each target takes any bytes, feeds them to a decoder or reader of the product, and
// holds what comes out to what is promised of it.
//
// Invariants:
// 1. A target depends on its input alone, so that an input that was kept repeats what it found.
// 2. Nothing of an input is left when `run` returns: no file, no thread that works on it.
//
// Owner: one thread at a time.

enum FuzzTarget: String, CaseIterable, Sendable {
  case frames
  case envelopes
  case messages
  case json
  case protojson
  case descriptors
  case zones
  case settings
  case fixtures
  case log
  case database

  /// - Throws: what is not as promised.
  func run(_ bytes: [UInt8]) throws {
    switch self {
    case .frames: try FrameFuzz.run(bytes)
    case .envelopes: try EnvelopeFuzz.run(bytes)
    case .messages: try MessageFuzz.run(bytes)
    case .json: try JSONFuzz.run(bytes)
    case .protojson: try ProtoJSONFuzz.run(bytes)
    case .descriptors: try DescriptorFuzz.run(bytes)
    case .zones: try ZoneFuzz.run(bytes)
    case .settings: try SettingsFuzz.run(bytes)
    case .fixtures: try FixtureFuzz.run(bytes)
    case .log: try LogFuzz.run(bytes)
    case .database: try DatabaseFuzz.run(bytes)
    }
  }
}

/// A promise that an input has broken.
struct BrokenPromise: Error, CustomStringConvertible {
  var description: String
}

/// - Throws: `BrokenPromise` unless the condition holds.
func require(_ condition: Bool, _ promise: @autoclosure () -> String) throws {
  if !condition { throw BrokenPromise(description: promise()) }
}

/// Takes an input apart from its front: the choices of a target come before the bytes that it feeds on.
/// Where the input ends, all is zero.
struct FuzzInput {
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

  mutating func number() -> UInt16 { UInt16(byte()) << 8 | UInt16(byte()) }

  mutating func bytes(_ count: Int) -> [UInt8] {
    let taken = rest.prefix(count)
    rest = rest.dropFirst(count)
    return Array(taken)
  }

  /// What is left as text, where it is UTF-8.
  var text: String? { String(validating: rest, as: UTF8.self) }
}
