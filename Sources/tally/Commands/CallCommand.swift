// `tally call`: any method, JSON in and JSON out.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TTRPC
internal import TallyClient
internal import TallyMessages
internal import TallyProtoJSON

struct CallCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "call",
    abstract: "Calls any method with a JSON request.",
    discussion: """
      The request is proto3 JSON: an argument, or standard input with -. Of a method that takes a \
      stream it is an array of messages. A stream of responses is printed one a line. An error is \
      printed as JSON on standard error, and the exit status is 1 (69 if no server was reached).

      Example:
        tally call tallystick.v1.CreditService/Consume \\
          '{"userId":"alice","amountMicros":"250000","idempotencyKey":"k1"}'
      """)

  static let maximumRequestByteCount = 16 << 20

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "The method, such as tallystick.v1.CreditService/GetBalance.")
  var method: String

  @Argument(help: "The request as JSON, or - for standard input.")
  var request: String = "{}"

  @Flag(help: "One line a response, also of a single one.")
  var compact = false

  @Flag(help: "Print fields that have their default, too.")
  var emitDefaults = false

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Metadata of the call; may be repeated.", valueName: "key=value"))
  var metadata: [String] = []

  func perform() async throws {
    do { try await call() } catch let error as TallyError {
      System.writeError("\(error.json.pretty)\n")
      throw error.exitStatus.code
    }
  }

  private func call() async throws {
    let client = connection.client
    let found = try await ReflectionClient(client).method(method)
    let messages = try requests(found.pool, found.method)
    var options = client.defaults
    options.metadata = try Pairs.parse(metadata)
    let decoder = MessageDecoder(pool: found.pool, writesDefaults: emitDefaults)
    let method = found.method
    guard method.clientStreams || method.serverStreams else {
      let payload = messages.first ?? []
      let reply = try await client.call(
        service: found.service, method: method.name, payload: payload, options: options)
      return try show(reply, method, decoder, isCompact: compact)
    }
    let kind: MethodKind =
      method.clientStreams ? (method.serverStreams ? .bidi : .clientStream) : .serverStream
    let stream = try await client.openStream(
      kind, service: found.service, method: method.name,
      first: method.clientStreams ? [] : messages.first ?? [], options: options)
    if method.clientStreams {
      for message in messages { try await stream.send(message) }
      stream.finish()
    }
    while let reply = try await stream.next() {
      try show(reply, method, decoder, isCompact: compact || method.serverStreams)
    }
  }

  private func requests(_ pool: DescriptorPool, _ method: TallyProtoJSON.MethodDescriptor) throws -> [[UInt8]]
  {
    let text =
      request == "-" ? try System.standardInput(limit: Self.maximumRequestByteCount) : request
    let encoder = MessageEncoder(pool: pool)
    do {
      let json = try JSON.parse(text)
      if method.clientStreams, case .array(let items) = json {
        return try items.map { try encoder.encode($0, as: method.input) }
      }
      return [try encoder.encode(json, as: method.input)]
    } catch let error as JSONError {
      throw Failure(.malformedInput, "the request is not JSON, at byte \(error.offset): \(error.message)")
    } catch let error as MismatchError {
      let place = error.path.isEmpty ? "the request" : error.path
      throw Failure(.malformedInput, "\(place): \(error.message)")
    }
  }

  private func show(
    _ reply: [UInt8], _ method: TallyProtoJSON.MethodDescriptor, _ decoder: MessageDecoder, isCompact: Bool
  ) throws {
    do throws(WireError) {
      let json = try decoder.decode(reply, as: method.output)
      System.writeOutput((isCompact ? json.compact : json.pretty) + "\n")
    } catch {
      throw Failure(.software, "the reply is not a \(method.output): \(error.message)")
    }
  }
}

struct ListCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the services of a server, or the methods of a service.",
    discussion: """
      Examples:
        tally list
        tally list tallystick.v1.CreditService
      """)

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "A service; its methods are listed.")
  var service: String?

  func perform() async throws {
    let reflection = ReflectionClient(connection.client)
    guard let service else {
      for name in try await reflection.services() { System.writeOutput("\(name)\n") }
      return
    }
    guard let found = try await reflection.pool(declaring: service)?.services[service] else {
      throw Failure(.usage, "the server has no service \(service)")
    }
    for method in found.methods { System.writeOutput("\(service)/\(method.name)\n") }
  }
}

struct DescribeCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe", abstract: "Shows a service, method, message or enum as its .proto does.",
    discussion: """
      Examples:
        tally describe tallystick.v1.CreditService/Consume
        tally describe tallystick.v1.Transaction
      """)

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "A full name; all services when it is left out.")
  var name: String?

  func perform() async throws {
    let reflection = ReflectionClient(connection.client)
    let names = if let name { [name] } else { try await reflection.services() }
    var texts: [String] = []
    for name in names {
      let symbol = name.split(separator: "/").first.map(String.init) ?? name
      guard let pool = try await reflection.pool(declaring: symbol),
        let text = Description(pool: pool).text(of: name)
      else { throw Failure(.usage, "the server knows nothing named \(name)") }
      texts.append(text)
    }
    System.writeOutput(texts.joined(separator: "\n\n") + "\n")
  }
}

/// `key=value` arguments.
enum Pairs {
  static func parse(_ texts: [String]) throws(Failure) -> [String: String] {
    var pairs: [String: String] = [:]
    for text in texts {
      guard let cut = text.firstIndex(of: "="), cut > text.startIndex else {
        throw Failure(.usage, "\(JSON.quoted(text)) is not KEY=VALUE")
      }
      let key = String(text[..<cut])
      guard pairs.updateValue(String(text[text.index(after: cut)...]), forKey: key) == nil else {
        throw Failure(.usage, "\(key) is given twice")
      }
    }
    return pairs
  }
}
