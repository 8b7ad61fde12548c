// The connection that the views of a client share: made when it is needed, and again when it was lost.
//
// Invariants:
// 1. There is at most one connection at a time.
// 2. Connecting never blocks a thread: a server that takes no connections is asked again, for as long as the
//    call has time and at most for `patience`.
// 3. What was called before a close is not tried again after it.
//
// Any thread may use it: the connection is behind a lock.

internal import Glibc
internal import TTRPC
internal import TallyLocking

final class Channel: Sendable {
  /// How long a server that is there, and takes no connections, is asked again.
  static let patience = Duration.seconds(5)
  private static let firstPause = Duration.milliseconds(1)
  private static let longestPause = Duration.milliseconds(50)

  private struct State {
    var connection: ClientConnection?
    var closeCount = 0
  }

  private enum Attempt {
    case open(ClientConnection)
    case failed(TallyError, isBusy: Bool)
  }

  let sockets: [String]
  private let transport: ClientOptions
  private let state = Lock(State())

  init(sockets: [String], transport: ClientOptions) {
    self.sockets = sockets
    self.transport = transport
  }

  /// How often it was closed.
  var closeCount: Int { state.withLock { $0.closeCount } }

  func close() {
    let open = state.withLock { state in
      let open = state.connection
      state.connection = nil
      state.closeCount += 1
      return open
    }
    open?.close()
  }

  /// The connection that is there, or a new one.
  func connection(until deadline: ContinuousClock.Instant?) async throws(TallyError) -> ClientConnection {
    var pause = Self.firstPause
    var end: ContinuousClock.Instant?
    while true {
      switch connect() {
      case .open(let connection): return connection
      case .failed(let error, isBusy: false): throw error
      case .failed(let error, isBusy: true):
        let now = ContinuousClock.now
        let limit = end ?? now + Self.patience
        end = limit
        if let deadline, now + pause >= deadline { throw Attempts.unsent }
        if now + pause >= limit { throw error }
        do { try await Task.sleep(for: pause) } catch { throw Attempts.cancelled(.notApplied) }
        pause = min(pause * 2, Self.longestPause)
      }
    }
  }

  private func connect() -> Attempt {
    state.withLock { state in
      if let open = state.connection, !open.isClosed { return .open(open) }
      var failure: SystemError?
      var isBusy = false
      for path in sockets {
        do throws(SystemError) {
          let new = try ClientConnection.connect(path: path, options: transport, waits: false)
          state.connection = new
          return .open(new)
        } catch {
          failure = failure ?? error
          isBusy = isBusy || error.number == EAGAIN
        }
      }
      let why = failure.map { "\($0)" } ?? "no socket to connect to"
      let error = TallyError(.unavailable, reason: "NOT_CONNECTED", "cannot reach the server: \(why)")
      return .failed(error, isBusy: isBusy)
    }
  }
}
