// What all subcommands that talk to a server have in common: calling it, waiting, and printing its reply.
//
// Owner: subcommands run on the main thread; calls run in a task that it waits for.

internal import ArgumentParser
internal import Dispatch
internal import TallyClient
internal import TallyLocking
internal import TallyMessages
internal import TallyProtoJSON

/// A subcommand whose work waits for a server.
protocol ClientCommand: ParsableCommand, Sendable {
  func perform() async throws
}

extension ClientCommand {
  func run() throws {
    try waitFor { try await self.perform() }
  }
}

/// Runs a task to its end on the calling thread's behalf.
func waitFor<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) throws -> Value {
  let done = DispatchSemaphore(value: 0)
  let result = Lock<Result<Value, any Error>?>(nil)
  Task {
    let outcome: Result<Value, any Error>
    do { outcome = .success(try await work()) } catch { outcome = .failure(error) }
    result.withLock { $0 = outcome }
    done.signal()
  }
  done.wait()
  guard let outcome = result.withLock({ $0 }) else {
    throw Failure(.software, "a task ended without a result")
  }
  return try outcome.get()
}

/// Makes a call and prints what came of it; a refusal goes to standard error.
func perform<Request: Message, Response: Message>(
  _ rpc: RPC<Request, Response>, _ request: Request, _ connection: ConnectionOptions,
  _ output: OutputOptions, text: (Response) -> String
) async throws {
  let response = try await answer(rpc, request, connection, output)
  try show(response, output, text: text)
}

/// Prints a reply.
func show<Response: Message>(_ response: Response, _ output: OutputOptions, text: (Response) -> String) throws
{
  if output.json { return System.writeOutput(try json(response).pretty + "\n") }
  output.print { text(response) }
}

/// The reply of a call, which is made again as the clients do it; a refusal goes to standard error and ends
/// the command.
func answer<Request: Message, Response: Message>(
  _ rpc: RPC<Request, Response>, _ request: Request, _ connection: ConnectionOptions,
  _ output: OutputOptions
) async throws -> Response {
  do {
    return try await connection.call(rpc, request)
  } catch {
    throw output.report(error, to: request)
  }
}
