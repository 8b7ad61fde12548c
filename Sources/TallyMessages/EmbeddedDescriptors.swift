// The protos that are built into the program: for reflection, and for JSON where no server is asked.
//
// Invariants:
// 1. A file's bytes are its serialized google.protobuf.FileDescriptorProto without source information.
internal import CTallyMessages

/// The embedded descriptors. `fileDescriptors` and `services` are generated.
public enum EmbeddedDescriptors {
  /// The file that declares a message, an enum, a service or a method (`package.Service.Method`).
  public static func file(containing symbol: String) -> FileDescriptor? {
    fileDescriptors.first { $0.symbols.contains(symbol) }
  }

  /// The file of that name, such as `tallystick/v1/credits.proto`.
  public static func file(named name: String) -> FileDescriptor? {
    fileDescriptors.first { $0.name == name }
  }

  /// The file and all that it imports, each once, imports first.
  public static func withDependencies(_ file: FileDescriptor) -> [FileDescriptor] {
    var wanted: Set<String> = [file.name]
    for candidate in fileDescriptors.reversed() where wanted.contains(candidate.name) {
      wanted.formUnion(candidate.dependencies)
    }
    return fileDescriptors.filter { wanted.contains($0.name) }
  }
}

/// One .proto file.
public struct FileDescriptor: Sendable, Equatable {
  public let name: String
  public let package: String
  /// Full names of its messages, enums, services and methods.
  public let symbols: [String]
  /// Names of the files that it imports.
  public let dependencies: [String]
  let offset: Int
  let count: Int

  /// The serialized google.protobuf.FileDescriptorProto.
  public var serialized: [UInt8] {
    let all = unsafe UnsafeBufferPointer(
      start: tallystick_descriptors_start(), count: tallystick_descriptors_size)
    return unsafe Array(all[offset..<offset + count])
  }
}

/// One service and its methods, streaming included.
public struct ServiceDescriptor: Sendable, Equatable {
  public let name: String
  /// The name of the file that declares it.
  public let file: String
  public let methods: [MethodDescriptor]
}

public struct MethodDescriptor: Sendable, Equatable {
  public let name: String
  public let kind: RPCKind
  /// Full names of its messages.
  public let request: String
  public let response: String
}
