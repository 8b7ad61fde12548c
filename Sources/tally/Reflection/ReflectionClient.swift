// Asks a server for its services and types by grpc.reflection.v1, so that no .proto file is needed.

internal import TTRPC
internal import TallyClient
internal import TallyMessages
internal import TallyProtoJSON

struct ReflectionClient {
  private let client: TallyClient

  init(_ client: TallyClient) {
    self.client = client
  }

  /// The names of all services, sorted.
  func services() async throws -> [String] {
    var request = GrpcReflectionV1.ServerReflectionRequest()
    request.messageRequest = .listServices("")
    guard case .listServicesResponse(let list) = try await ask(request) else {
      throw Failure(.software, "the server's reflection does not list services")
    }
    return list.service.map(\.name).sorted()
  }

  /// The types of the file that declares a symbol, and of all that it imports; nil for no such symbol.
  func pool(declaring symbol: String) async throws -> DescriptorPool? {
    var request = GrpcReflectionV1.ServerReflectionRequest()
    request.messageRequest = .fileContainingSymbol(symbol)
    switch try await ask(request) {
    case .fileDescriptorResponse(let files):
      var pool = DescriptorPool()
      for file in files.fileDescriptorProto { try pool.add(file: file) }
      return pool
    case .errorResponse(let error) where error.errorCode == StatusCode.notFound.rawValue: return nil
    case .errorResponse(let error): throw Failure(.software, "reflection: \(error.errorMessage)")
    default: throw Failure(.software, "the server's reflection does not answer with files")
    }
  }

  /// Resolves a name, and returns the types it belongs to and its full name. Names without a package are
  /// looked for in tallystick.v1, then in the server's other packages. nil if there is no such name.
  func find(_ name: String) async throws -> (pool: DescriptorPool, name: String)? {
    if let found = try await exactly(name) { return found }
    var packages = [Self.ownPackage]
    packages += try await services().compactMap { service in
      service.lastIndex(of: ".").map { String(service[..<$0]) }
    }
    for package in packages {
      if let found = try await exactly("\(package).\(name)") { return found }
    }
    return nil
  }

  private static let ownPackage = "tallystick.v1"

  /// Resolves a full name; a method's is `package.Service/Method` or `package.Service.Method`.
  private func exactly(_ name: String) async throws -> (pool: DescriptorPool, name: String)? {
    let symbols = [name, (name.lastIndex { "/.".contains($0) }).map { String(name[..<$0]) }]
    for symbol in symbols.compactMap({ $0 }) where !symbol.contains("/") {
      if let pool = try await pool(declaring: symbol), Description(pool: pool).text(of: name) != nil {
        return (pool, name)
      }
    }
    return nil
  }

  /// A method named `package.Service/Method`; `Service/Method` as in `find`.
  func method(
    _ name: String
  ) async throws -> (pool: DescriptorPool, service: String, method: TallyProtoJSON.MethodDescriptor) {
    guard let (pool, full) = try await find(name), let found = Description(pool: pool).method(full) else {
      let meant = KnownNames.method(like: name)
      let advice =
        meant == nil ? "; 'tally list SERVICE' lists the methods of a service" : Suggestion.question(meant)
      throw Failure(.usage, "the server has no method \(JSON.plain(name))\(advice)")
    }
    return (pool, found.0.fullName, found.1)
  }

  private func ask(
    _ request: GrpcReflectionV1.ServerReflectionRequest
  ) async throws -> GrpcReflectionV1.ServerReflectionResponse.MessageResponse? {
    let rpc = GrpcReflectionV1.ServerReflection.serverReflectionInfo
    let stream = try await client.openStream(.bidi, service: rpc.service, method: rpc.method)
    try await stream.send(request.encode())
    stream.finish()
    guard let payload = try await stream.next() else { return nil }
    // Read to the end, so that the stream is not cancelled.
    while try await stream.next() != nil {}
    return try GrpcReflectionV1.ServerReflectionResponse.decode(payload).messageResponse
  }
}
