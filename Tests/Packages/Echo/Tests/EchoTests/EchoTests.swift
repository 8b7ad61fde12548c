// The service, tested without a socket's path: client and server are as they are outside.

import TTRPC
import Testing

@testable import Echo

@Test("a text is shouted")
func shouts() async throws {
  let server = Server(registry: Echo.registry)
  let client = try server.connect()
  let reply: Text = try await client.unary(Echo.service, "Shout", Text("hello"))
  #expect(reply.value == "HELLO")
}

@Test("an empty text is refused")
func refuses() async throws {
  let client = try Server(registry: Echo.registry).connect()
  let error = await #expect(throws: CallError.self) {
    let _: Text = try await client.unary(Echo.service, "Shout", Text(""))
  }
  #expect(error?.status.code == .invalidArgument)
}
