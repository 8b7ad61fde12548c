// A server of a test's own: started fresh in milliseconds, with a clock to drive and a reset.
//
// Invariants:
// 1. It ends, and its files go, with `stop`, with the last reference, or with the test's process,
//    however that ends.
//
// Any thread may use it.

internal import CTallyProcess
internal import Glibc
public import TallyClient
internal import TallyMessages

/// A running `tally serve --ephemeral --testing`.
///
///     let tally = try await TallyFixture.start()
///     let reply = try await tally.client.call(TallystickV1.CreditService.consume, request)
///     try await tally.advanceClock(by: .seconds(3600))
///     try await tally.loadFixtures(json)
///     try await tally.reset()
public final class TallyFixture: Sendable {
  public let socket: String
  public let pid: Int32
  public let version: String
  public let client: TallyClient
  /// The harness's own client: failures that close the test's connections do not close its connection.
  let control: TallyClient
  private let process: ChildProcess

  /// How long a start may take before it is given up.
  static let startMilliseconds: Int32 = 120_000
  /// The time-out of `client`'s calls. It is longer than the 10 seconds of any other `TallyClient`, since a
  /// machine that runs tests is often busy.
  public static let callTimeout = Duration.seconds(60)
  /// How long it may take to end before it is killed.
  static let stopMilliseconds: UInt64 = 30_000

  /// Starts a server.
  /// - Parameters:
  ///   - program: the path of `tally`. nil is `TALLY_BINARY`, else a `tally` beside the running
  ///     program, else the one that PATH finds.
  ///   - arguments: further flags of `tally serve`.
  public static func start(
    program: String? = nil, arguments: [String] = []
  ) throws(FixtureError) -> TallyFixture {
    let command =
      [program ?? Program.path, "serve", "--ephemeral", "--testing", "--lifeline-stdin"] + arguments
    let process: ChildProcess
    do throws(ProcessError) { process = try ChildProcess(command) } catch {
      throw FixtureError(message: error.description)
    }
    guard let line = process.readLine(timeoutMilliseconds: startMilliseconds),
      let socket = field("socket", line), let pid = field("pid", line).flatMap({ Int32($0) }),
      let version = field("version", line)
    else {
      let status = process.end(signal: SIGKILL)
      let text = process.readError()
      throw FixtureError(message: "the server did not start (status \(status)): \(text)")
    }
    return TallyFixture(process, socket: socket, pid: pid, version: version)
  }

  private init(_ process: ChildProcess, socket: String, pid: Int32, version: String) {
    self.process = process
    self.socket = socket
    self.pid = pid
    self.version = version
    let patient = CallOptions(timeout: Self.callTimeout)
    client = TallyClient(socket: socket, defaults: patient)
    control = TallyClient(socket: socket, defaults: patient)
  }

  /// The server's time, in microseconds since the epoch.
  public func nowMicros() async throws(TallyError) -> Int64 {
    let rpc = TallystickTestingV1.TestControl.getClock
    return try await control.call(rpc, TallystickTestingV1.GetClockRequest()).nowMicros
  }

  /// Stops the clock at a time, never before the ledger's last.
  public func setClock(micros: Int64) async throws(TallyError) {
    var request = TallystickTestingV1.SetClockRequest()
    request.nowMicros = micros
    _ = try await control.call(TallystickTestingV1.TestControl.setClock, request)
  }

  /// Moves the clock on, by whole milliseconds.
  public func advanceClock(by duration: Duration) async throws(TallyError) {
    let (seconds, attoseconds) = duration.components
    var request = TallystickTestingV1.AdvanceClockRequest()
    request.millis = seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    _ = try await control.call(TallystickTestingV1.TestControl.advanceClock, request)
  }

  /// Empties the database, lets the clock run with the machine's again and clears the failures.
  public func reset() async throws(TallyError) {
    _ = try await control.call(TallystickTestingV1.TestControl.reset, TallystickTestingV1.ResetRequest())
  }

  /// Ends the server and waits until it is gone; its exit status. One that does not end by itself is killed.
  @discardableResult
  public func stop() -> Int32 {
    client.close()
    control.close()
    return process.end(signal: SIGTERM, withinMilliseconds: Self.stopMilliseconds)
  }

  /// Ends what the server takes for its owner's sign of life.
  package func closeLifeline() { process.closeInput() }

  /// A field of the line of JSON that the server prints; its values have no escapes.
  private static func field(_ name: String, _ line: String) -> String? {
    guard let start = line.firstRange(of: "\"\(name)\":") else { return nil }
    let rest = line[start.upperBound...].drop { $0 == "\"" || $0 == " " }
    return String(rest.prefix { $0 != "\"" && $0 != "," && $0 != "}" })
  }
}

/// Why a server could not be started.
public struct FixtureError: Error, Sendable, CustomStringConvertible {
  public var message: String
  public var description: String { message }
}
