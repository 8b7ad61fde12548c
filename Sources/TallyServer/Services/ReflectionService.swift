// grpc.reflection.v1.ServerReflection over the embedded descriptors.
//
// Invariants:
// 1. Only services that are served are listed; every embedded file may be read.
// 2. A file's answer holds the file and all that it imports, imports first.
//
// Owner: the streams' tasks; descriptors never change.

internal import TTRPC
internal import TallyMessages

struct ReflectionService {
  typealias Request = GrpcReflectionV1.ServerReflectionRequest
  typealias Response = GrpcReflectionV1.ServerReflectionResponse

  var services: Services
  /// Sorted.
  var serviceNames: [String]

  var bindings: [Binding] {
    let reflection = self
    return [
      (
        GrpcReflectionV1.ServerReflection.serverReflectionInfo.method,
        .streaming(.bidi) { context, inbound, outbound in
          _ = try reflection.services.caller(context)
          for try await payload in inbound {
            let request = try decode(Request.self, payload)
            try await outbound.send(reflection.answer(request).encode())
          }
        }
      )
    ]
  }

  func answer(_ request: Request) -> Response {
    var response = Response()
    response.validHost = request.host
    response.originalRequest = request
    switch request.messageRequest {
    case .listServices:
      var list = GrpcReflectionV1.ListServiceResponse()
      list.service = serviceNames.map { name in
        var service = GrpcReflectionV1.ServiceResponse()
        service.name = name
        return service
      }
      response.messageResponse = .listServicesResponse(list)
    case .fileByFilename(let name):
      response.messageResponse = files(EmbeddedDescriptors.file(named: name))
    case .fileContainingSymbol(let symbol) where symbol.utf8.count > Limits.reflectionSymbolByteCount:
      response.messageResponse = error(
        .invalidArgument, "file_containing_symbol has more than \(Limits.reflectionSymbolByteCount) bytes")
    case .fileContainingSymbol(let symbol):
      response.messageResponse = files(EmbeddedDescriptors.file(containing: symbol))
    case .fileContainingExtension, .allExtensionNumbersOfType:
      response.messageResponse = error(.notFound, "proto3 files have no extensions")
    case nil:
      response.messageResponse = error(.invalidArgument, "message_request must be set")
    }
    return response
  }

  private func files(_ file: FileDescriptor?) -> Response.MessageResponse {
    guard let file else { return error(.notFound, "no such file or symbol") }
    var answer = GrpcReflectionV1.FileDescriptorResponse()
    answer.fileDescriptorProto = EmbeddedDescriptors.withDependencies(file).map(\.serialized)
    return .fileDescriptorResponse(answer)
  }

  private func error(_ code: StatusCode, _ message: String) -> Response.MessageResponse {
    var error = GrpcReflectionV1.ErrorResponse()
    error.errorCode = code.rawValue
    error.errorMessage = message
    return .errorResponse(error)
  }
}
