// Fixture files of the harness: a file that is accepted means requests that its methods can read, and the
// same ones each time.
//
// Input: the file's text.

@testable import TallyMessages
@testable import TallyServer

enum FixtureFuzz {
  private static let requests = Dictionary(
    uniqueKeysWithValues: EmbeddedDescriptors.services.flatMap { service in
      service.methods.filter { $0.kind == .unary }.map { ("\(service.name)/\($0.name)", $0.request) }
    })
  private static let types = Dictionary(uniqueKeysWithValues: messageTypes.map { ($0.fullName, $0) })
  private static let file = try? FixtureFile(methods: Set(requests.keys))

  static func run(_ bytes: [UInt8]) throws {
    guard let file else { throw BrokenPromise(description: "the embedded descriptors can be read") }
    guard let text = FuzzInput(bytes).text, let items = try? file.items(text) else { return }
    try require(try file.items(text) == items, "a file means the same each time")
    for item in items {
      guard let type = requests[item.method].flatMap({ types[$0] }) else {
        throw BrokenPromise(description: "\(item.method) is a method")
      }
      // What JSON may hold and a message may not is refused by the method itself.
      guard let request = try? type.decode(item.payload) else { continue }
      try require(try type.decode(request.encode()).encode() == request.encode(), "a request can be sent")
    }
  }
}
