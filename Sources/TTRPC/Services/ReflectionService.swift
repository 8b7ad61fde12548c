// grpc.reflection.v1.ServerReflection: which services there are, and the .proto files behind them.
//
// Invariants:
// 1. Only the services that it was given are listed; every file may be read.
// 2. A file's answer holds the file and all that it imports, imports first.
// 3. A request is answered in its place; only one that does not parse ends the stream.
//
// Source: github.com/grpc/grpc/blob/master/doc/server-reflection.md, proto/grpc/reflection/v1.

/// Server reflection over a set of files.
public struct ReflectionService: Sendable {
  public static let name = "grpc.reflection.v1.ServerReflection"
  public static let method = "ServerReflectionInfo"
  /// Longest name of a file or symbol that is looked up.
  public static let symbolByteCount = 512

  private let files: [DescriptorFile]
  private let services: [String]
  private let admit: @Sendable (CallContext) throws(Status) -> Void

  /// - Parameters:
  ///   - files: each with all that it imports; imports may stand anywhere.
  ///   - services: the names to list; nil lists every service that the files declare, and reflection itself.
  ///   - admit: throws the status that a call is refused with.
  public init(
    files: [DescriptorFile], services: [String]? = nil,
    admit: @escaping @Sendable (CallContext) throws(Status) -> Void = { _ throws(Status) in }
  ) {
    self.files = files
    self.services = (services ?? files.flatMap(\.services) + [Self.name]).sorted()
    self.admit = admit
  }

  /// Adds the service to a registry.
  public func register(in registry: inout ServiceRegistry) {
    registry.add(service: Self.name, methods: [Self.method: handler])
  }

  /// What answers the method.
  public var handler: MethodHandler {
    .streaming(.bidi) { [self] context, requests, replies in
      try admit(context)
      for try await request in requests {
        let reply: [UInt8]
        do throws(Status) { reply = try answer(request) } catch {
          throw context.connection.status(
            .malformedMessage, error.code, error.message, ["field": "payload"])
        }
        try await replies.send(reply)
      }
    }
  }

  /// The bytes of a ServerReflectionResponse.
  func answer(_ request: [UInt8]) throws(Status) -> [UInt8] {
    let parsed: Request
    do {
      parsed = try Request(request.span)
    } catch {
      throw Status(.invalidArgument, "the request does not parse: \(error.reason)")
    }
    var response: [UInt8] = []
    if !parsed.host.isEmpty { response.append(field: 1, parsed.host) }
    response.append(field: 2, request)
    switch parsed.question {
    case .listServices:
      var list: [UInt8] = []
      for service in services {
        var entry: [UInt8] = []
        entry.append(field: 1, service)
        list.append(field: 1, entry)
      }
      response.append(field: 6, list)
    case .file(let name):
      answer(&response, files.first { $0.name == name }, asked: name)
    case .symbol(let name):
      answer(&response, files.first { $0.symbols.contains(name) }, asked: name)
    case .extensions:
      refuse(&response, .notFound, "no extensions are known")
    case nil:
      refuse(&response, .invalidArgument, "message_request must be set")
    }
    return response
  }

  private func answer(_ response: inout [UInt8], _ file: DescriptorFile?, asked name: String) {
    if name.utf8.count > Self.symbolByteCount {
      return refuse(
        &response, .invalidArgument, "the name has more than \(Self.symbolByteCount) bytes")
    }
    guard let file else { return refuse(&response, .notFound, "no such file or symbol") }
    var list: [UInt8] = []
    for needed in withImports(file) { list.append(field: 1, needed.serialized) }
    response.append(field: 4, list)
  }

  private func refuse(_ response: inout [UInt8], _ code: StatusCode, _ message: String) {
    var error: [UInt8] = []
    error.append(contentsOf: [UInt8(1 << 3 | WireType.varint), UInt8(code.rawValue)])
    error.append(field: 2, message)
    response.append(field: 7, error)
  }

  /// The file after all that it imports, each once.
  private func withImports(_ file: DescriptorFile) -> [DescriptorFile] {
    var ordered: [DescriptorFile] = []
    var seen: Set<String> = []
    var rest = [(file: file, isOpened: false)]
    while let next = rest.popLast() {
      if next.isOpened {
        ordered.append(next.file)
      } else if seen.insert(next.file.name).inserted {
        rest.append((next.file, true))
        for name in next.file.dependencies {
          if let needed = files.first(where: { $0.name == name }) { rest.append((needed, false)) }
        }
      }
    }
    return ordered
  }

  /// A ServerReflectionRequest; of its oneof the last one counts.
  private struct Request {
    enum Question {
      case file(String)
      case symbol(String)
      case extensions
      case listServices
    }

    var host = ""
    var question: Question?

    init(_ bytes: Span<UInt8>) throws(MalformedEnvelope) {
      var cursor = WireCursor(at: 0, end: bytes.count)
      while !cursor.isAtEnd {
        let (field, type) = try cursor.tag(bytes)
        guard (1...7).contains(field), field != 2 else {
          try cursor.skip(type, bytes)
          continue
        }
        try WireCursor.expect(type, WireType.bytes, "field \(field)")
        let range = try cursor.lengthDelimited(bytes)
        switch field {
        case 1: host = try text(bytes, range, "host")
        case 3: question = .file(try text(bytes, range, "file_by_filename"))
        case 4: question = .symbol(try text(bytes, range, "file_containing_symbol"))
        case 7:
          _ = try text(bytes, range, "list_services")
          question = .listServices
        default: question = .extensions
        }
      }
    }
  }
}
