// Serves the service `example.v1.Echo` on a Unix socket and calls it, with swift-protobuf's messages.
//
//     swift run Echo /tmp/echo.sock

import SwiftProtobuf
import TTRPC

// The adapter: it makes every message of swift-protobuf one of TTRPC. Your own messages conform in a line
// each.
extension WireMessage where Self: SwiftProtobuf.Message {
  public init(wireBytes: [UInt8]) throws { try self.init(serializedBytes: wireBytes) }
  public func wireBytes() throws -> [UInt8] { try serializedBytes() }
}
extension Google_Protobuf_StringValue: @retroactive WireMessage {}

typealias Text = Google_Protobuf_StringValue

@main
enum Echo {
  static let service = "example.v1.Echo"
  static let health = HealthService(services: [service])

  static var registry: ServiceRegistry {
    var registry = ServiceRegistry()
    health.register(in: &registry)
    registry.unary(service, "Shout") { (text: Text, _) in
      if text.value.isEmpty { throw Status(.invalidArgument, "there is nothing to shout") }
      return Text(text.value.uppercased())
    }
    registry.bidi(service, "Chat") { (texts: TypedStream<Text>, replies: TypedSink<Text>, context) in
      for try await text in texts {
        try await replies.send(Text("uid \(context.peer.uid) said \(text.value)"))
      }
    }
    return registry
  }

  static func main() async throws {
    let path = CommandLine.arguments.dropFirst().first ?? "/tmp/echo.sock"
    let server = Server(options: ServerOptions(path: path), registry: registry)
    try server.start()

    let connection = try ClientConnection.connect(path: path)
    let shouted: Text = try await connection.unary(
      service, "Shout", Text("hello"), timeoutNanoseconds: 30_000_000_000)
    print(shouted.value)

    do {
      let _: Text = try await connection.unary(service, "Shout", Text(""))
    } catch let error as CallError {
      print(error.status.code, error.status.message)
    }

    let chat = try connection.stream(.bidi, service, "Chat")
    try await chat.send(Text("good morning"))
    if let reply = try await chat.next(as: Text.self) { print(reply.value) }
    chat.finish()

    let status: HealthService.ServingStatus = try await connection.unary(
      HealthService.name, HealthService.checkMethod, HealthService.Request(service))
    print(service, "is", status)

    connection.close()
    health.shutDown()
    await server.shutdown(drainNanoseconds: 1_000_000_000)
  }
}
