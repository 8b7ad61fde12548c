// `tally call`: any method, JSON in and JSON out.

internal import ArgumentParser
internal import TTRPC
internal import TallyClient
internal import TallyProtoJSON

struct CallCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "call",
    abstract: "Calls any method with a JSON request.",
    discussion: """
      The request is proto3 JSON, given as an argument, or on standard input with '-'. For a method that \
      takes a stream it is an array of messages. Streamed responses are printed one per line. An error is \
      printed as JSON on standard error, with exit status 1 (69 if there is no server or the connection was \
      lost, 124 if the --timeout has passed). The call is never retried.

      Example:
        tally call tallystick.v1.CreditService/Consume \\
          '{"userId":"alice","amountMicros":"250000","idempotencyKey":"k1"}'
      """)

  static let maximumRequestByteCount = 16 << 20

  @OptionGroup var connection: ConnectionOptions

  @Argument(
    help: "The method, such as CreditService/GetBalance; with its package unless that is tallystick.v1.",
    completion: .custom { _, _, _ in KnownNames.methods })
  var method: String

  @Argument(help: "The request as JSON, or - for standard input.")
  var request: String = "{}"

  @Flag(help: "Print each response on one line.")
  var compact = false

  @Flag(help: "Print fields that have their default value as well.")
  var emitDefaults = false

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Metadata to send with the call. Repeatable.", valueName: "key=value"))
  var metadata: [String] = []

  func perform() async throws {
    do { try await call() } catch let error as TallyError {
      System.writeError("\(error.json().pretty)\n")
      throw error.exitStatus.code
    }
  }

  private func call() async throws {
    let client = connection.client
    let found = try await ReflectionClient(client).method(method)
    let messages = try requests(found.pool, found.method)
    var options = client.defaults
    options.repeatedMetadata = try Pairs.list(metadata).map { MetadataPair(key: $0, value: $1) }
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
      throw Failure(
        .malformedInput, "the request is not valid JSON at byte \(error.offset): \(error.message)")
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
