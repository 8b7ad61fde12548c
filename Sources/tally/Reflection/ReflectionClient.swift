// Asks a server what it serves, by grpc.reflection.v1: no .proto is needed.
//
// Values; used by one task.

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

  /// A method named `package.Service/Method`; `Service/Method` is one of Tallystick's own.
  func method(
    _ name: String
  ) async throws -> (pool: DescriptorPool, service: String, method: TallyProtoJSON.MethodDescriptor) {
    let full = name.contains(".") ? name : "tallystick.v1.\(name)"
    guard let cut = full.lastIndex(of: "/") ?? full.lastIndex(of: ".") else {
      throw Failure(.usage, "a method is named SERVICE/METHOD, not \(JSON.quoted(name))")
    }
    let service = String(full[..<cut])
    guard let pool = try await pool(declaring: service),
      let found = Description(pool: pool).method("\(service)/\(full[full.index(after: cut)...])")
    else { throw Failure(.usage, "the server has no method \(full); tally list tells what it has") }
    return (pool, service, found.1)
  }

  private func ask(
    _ request: GrpcReflectionV1.ServerReflectionRequest
  ) async throws -> GrpcReflectionV1.ServerReflectionResponse.MessageResponse? {
    let rpc = GrpcReflectionV1.ServerReflection.serverReflectionInfo
    let stream = try await client.openStream(.bidi, service: rpc.service, method: rpc.method)
    try await stream.send(request.encode())
    stream.finish()
    guard let payload = try await stream.next() else { return nil }
    // Taken to its end, so that the server is not told of a cancellation.
    while try await stream.next() != nil {}
    return try GrpcReflectionV1.ServerReflectionResponse.decode(payload).messageResponse
  }
}
