// The names of services, methods and types in the protos of this program, for completions and suggestions.

internal import TallyProtoJSON

enum KnownNames {
  private static let ownPackage = "tallystick.v1."

  /// `CreditService/Consume`, `grpc.health.v1.Health/Check`.
  static var methods: [String] {
    pool.services.values.flatMap { service in
      service.methods.map { "\(short(service.fullName))/\($0.name)" }
    }.sorted()
  }

  static var services: [String] { pool.services.keys.map(short).sorted() }

  /// Everything that can be described.
  static var all: [String] {
    (services + methods + pool.messages.keys.map(short) + pool.enums.keys.map(short)).sorted()
  }

  /// The method whose name is similar, with or without its service.
  static func method(like name: String) -> String? {
    let short = short(name)
    let alone = methods.filter { $0.lowercased().hasSuffix("/\(short.lowercased())") }
    if alone.count == 1 { return alone.first }
    return Suggestion.nearest(to: short, among: methods)
  }

  private static func short(_ name: String) -> String {
    name.hasPrefix(ownPackage) ? String(name.dropFirst(ownPackage.count)) : name
  }

  /// Empty if the descriptors cannot be read: suggestions are not worth failing for.
  private static var pool: DescriptorPool { (try? DescriptorPool.embedded()) ?? DescriptorPool() }
}
