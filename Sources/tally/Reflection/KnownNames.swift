// The names that this program's own protos give to services, methods and types: for completions, and to guess
// what was meant by one that a server does not have.
//
// Values, owned by nobody.

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

  /// The method that was meant: one that is nearly written so, or that is called so without its service.
  static func method(like name: String) -> String? {
    let short = short(name)
    let alone = methods.filter { $0.lowercased().hasSuffix("/\(short.lowercased())") }
    if alone.count == 1 { return alone.first }
    return Suggestion.nearest(to: short, among: methods)
  }

  private static func short(_ name: String) -> String {
    name.hasPrefix(ownPackage) ? String(name.dropFirst(ownPackage.count)) : name
  }

  /// Without descriptors there is nothing to propose, which is no reason to fail.
  private static var pool: DescriptorPool { (try? DescriptorPool.embedded()) ?? DescriptorPool() }
}
