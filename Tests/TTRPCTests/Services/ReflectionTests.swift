// Server reflection as part of the library: the reading of descriptor sets, and the answers.

import Glibc
import Testing

@testable import TTRPC

@Suite("Reflection")
struct ReflectionTests {
  /// The descriptor set that was last released: ten files, with nested messages and imports.
  static func descriptorSet() throws -> [UInt8] {
    let path = #filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined() + "/proto/released.binpb"
    guard let file = unsafe fopen(path, "r") else {
      throw SystemError(number: errno, operation: "open \(path)")
    }
    defer { _ = unsafe fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = unsafe fread(&bytes, 1, bytes.count, file)
    return Array(bytes.prefix(count))
  }

  private func service() throws -> ReflectionService {
    ReflectionService(files: try DescriptorFile.files(descriptorSet: Self.descriptorSet()))
  }

  private func ask(_ field: Int, _ text: String) throws -> Message {
    let request = Message().with(field, text).encoded
    let answer = try Message(try service().answer(request))
    #expect(answer.all(2) == [request])
    return answer
  }

  @Test("a descriptor set's names are read, nested ones too")
  func names() throws {
    let files = try DescriptorFile.files(descriptorSet: Self.descriptorSet())
    let credits = try #require(files.first { $0.name == "tallystick/v1/credits.proto" })
    #expect(credits.services == ["tallystick.v1.CreditService"])
    #expect(credits.dependencies == ["tallystick/v1/errors.proto"])
    #expect(credits.symbols.contains("tallystick.v1.CreditService.Consume"))
    let health = try #require(files.first { $0.name == "grpc/health/v1/health.proto" })
    #expect(health.symbols.contains("grpc.health.v1.HealthCheckResponse.ServingStatus"))
  }

  @Test("a descriptor set that is cut anywhere is read or refused")
  func cut() throws {
    let bytes = try Self.descriptorSet()
    var refused = 0
    for count in stride(from: 1, to: bytes.count, by: 7) {
      do {
        _ = try DescriptorFile.files(descriptorSet: Array(bytes.prefix(count)))
      } catch {
        #expect(error.code == .invalidArgument)
        refused += 1
      }
    }
    #expect(refused > 1_000)
  }

  @Test("the services that the files declare are listed, in order")
  func list() throws {
    let list = try Message(try #require(try ask(7, "*").all(6).first))
    let names = try list.all(1).map { try Message($0).text(1) }
    #expect(names == names.sorted())
    #expect(names.contains("tallystick.v1.UsageService"))
    #expect(names.contains(ReflectionService.name))
  }

  @Test("a file comes after all that it imports, each once")
  func importsFirst() throws {
    let files = try DescriptorFile.files(descriptorSet: Self.descriptorSet())
    let answer = try ask(3, "tallystick/v1/admin.proto")
    let list = try Message(try #require(answer.all(4).first))
    let names = try list.all(1).map { try Message($0).text(1) }
    #expect(names.last == "tallystick/v1/admin.proto")
    #expect(Set(names).count == names.count)
    #expect(names.count == 4)
    for (index, name) in names.enumerated() {
      let file = try #require(files.first { $0.name == name })
      #expect(Set(file.dependencies).isSubset(of: names.prefix(index)))
    }
  }

  @Test("what is not there, too long or not asked is an error in its place", arguments: [3, 4, 5, 0])
  func errors(field: Int) throws {
    let code: (Message) throws -> Int64 = { answer in
      try Message(try #require(answer.all(7).first)).number(1)
    }
    let absent = field == 0 ? Message() : try ask(field, "none")
    guard field != 0 else {
      let answer = try Message(try service().answer([]))
      #expect(try code(answer) == Int64(StatusCode.invalidArgument.rawValue))
      return
    }
    #expect(try code(absent) == Int64(StatusCode.notFound.rawValue))
    guard field != 5 else { return }
    let long = String(repeating: "a", count: ReflectionService.symbolByteCount + 1)
    #expect(try code(ask(field, long)) == Int64(StatusCode.invalidArgument.rawValue))
  }

  @Test("a stream of requests is answered in order over a connection")
  func stream() async throws {
    var registry = ServiceRegistry()
    try service().register(in: &registry)
    let host = try TestServer(registry: registry)
    let client = try host.connect()
    let stream = try client.stream(.bidi, ReflectionService.name, ReflectionService.method)
    for name in ["tallystick.v1.Control", "none"] {
      try await stream.send(Message().with(4, name).encoded)
      let answer = try Message(try #require(try await stream.next()))
      #expect(answer.all(name == "none" ? 7 : 4).count == 1)
    }
    stream.finish()
    #expect(try await stream.next() == nil)
  }
}
