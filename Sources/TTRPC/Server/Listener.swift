// The listening socket: made safely, accepted from without end.
//
// Invariants:
// 1. A socket appears under its name only when it listens and has its mode: it is bound to a temporary
//    name and renamed. Only a stale socket is replaced: a socket that somebody listens on, and whatever
//    is no socket, stays and refuses the start.
// 2. When the process runs out of descriptors or memory, it accepts nothing for `pauseNanoseconds` and then
//    goes on; clients that connect meanwhile wait in the backlog. The last `reserveCount` descriptors are
//    left alone: Dispatch opens files under /proc once a second while its threads are busy, and traps when it
//    cannot.
// 3. When connections are cut off because too much waits for all peers, accepting rests, and only a few
//    connections are taken up between one rest and the next. So clients that come back at once cannot keep
//    the server busy with cutting them off. A rest during which more were cut off is followed by one twice as
//    long, any other by one half as long, or none.
// 4. At its end only a socket of its own is removed from the directory.
//
// Owner: the first poller's thread.

internal import CTallyLinux
internal import Glibc

/// Why a server could not begin to listen.
public enum ListenError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The path is empty, abstract, or contains a NUL.
  case invalidPath
  /// The path, or the temporary name beside it, has more than 107 bytes.
  case pathTooLong
  /// The mode would let everybody in.
  case invalidMode
  /// The path is that of a file or a directory.
  case notASocket
  /// Another process listens there.
  case inUse
  case system(SystemError)

  public var description: String {
    switch self {
    case .invalidPath: "the path is empty, abstract, or contains a NUL"
    case .pathTooLong: "the path, or a temporary name beside it, is longer than \(CLINUX_MAX_PATH) bytes"
    case .invalidMode: "the mode lets users outside the owner and the group connect"
    case .notASocket: "there is a file or directory of that name, which is not a socket"
    case .inUse: "another server is listening there"
    case .system(let error): error.description
    }
  }
}

// Unchecked: `descriptor` belongs to the first poller's thread once it has started.
final class Listener: Pollable, @unchecked Sendable {
  /// Connections accepted in one round.
  static let acceptCount = 64
  static let pauseNanoseconds: UInt64 = 50_000_000
  static let reserveCount = 32
  /// The rests after connections were cut off.
  static let shortestRestNanoseconds: UInt64 = 50_000_000
  static let longestRestNanoseconds: UInt64 = 800_000_000
  /// Connections accepted between two of them.
  static let restAcceptCount = 16

  private let poller: Poller
  private let token: UInt64
  private let accepted: @Sendable (Int32) -> Void
  private let paused: @Sendable (Int32) -> Void
  private let path: String?
  private let identity: FileIdentity?
  private var descriptor: Int32
  private var isPaused = false
  /// Why it paused last; zero once nobody waits any more.
  private var pauseReason: Int32 = 0
  /// The rest that is due, or under way; zero is none.
  private var restNanoseconds: UInt64 = 0
  /// Connections were cut off since the last rest began.
  private var isCuttingOff = false

  init(
    options: ServerOptions, poller: Poller, accepted: @escaping @Sendable (Int32) -> Void
  ) throws(ListenError) {
    self.poller = poller
    self.accepted = accepted
    paused = options.hooks.acceptPaused
    if let inherited = options.inheritedDescriptor {
      let code = clinux_adopt_listener(inherited)
      if code < 0 { throw .system(SystemError(number: -code, operation: "adopt the inherited socket")) }
      descriptor = inherited
      path = nil
      identity = nil
    } else {
      (descriptor, identity) = try Self.bind(options)
      path = options.path
    }
    token = poller.newToken()
  }

  func start() throws(SystemError) {
    try poller.add(descriptor, token, UInt32(CLINUX_READABLE), self)
  }

  /// Stops accepting and removes the socket's name; nothing is accepted after its return.
  func stop() async {
    await withCheckedContinuation { continuation in
      poller.perform { poller in
        poller.remove(self.descriptor, self.token)
        self.closeSocket()
        continuation.resume()
      }
    }
    removeName()
  }

  /// Closes the socket and removes its name; for a listener that never started.
  func abandon() {
    closeSocket()
    removeName()
  }

  private func closeSocket() {
    if descriptor >= 0 { _ = clinux_close(descriptor) }
    descriptor = -1
  }

  /// May wait for the disk: never on the poller's thread.
  private func removeName() {
    if let path, let identity, FileIdentity(path) == identity { _ = unsafe unlink(path) }
  }

  override func ready(_ events: UInt32, _ scratch: inout [UInt8]) {
    if descriptor < 0 || isPaused { return }
    if restNanoseconds == 0 { return accept(Self.acceptCount) }
    accept(Self.restAcceptCount)
    if !isPaused { rest() }
  }

  private func accept(_ count: Int) {
    for _ in 0..<count {
      if clinux_free_descriptors(descriptor) <= Self.reserveCount { return pause(EMFILE) }
      let connection = clinux_accept(descriptor)
      if connection >= 0 {
        accepted(connection)
        continue
      }
      switch -connection {
      case EAGAIN:
        pauseReason = 0
        return
      // The peer was gone before we came: the next may be there.
      case ECONNABORTED: continue
      default: return pause(-connection)
      }
    }
  }

  /// Connections are cut off, as too much waits for all peers. Any thread.
  func slowDown() {
    poller.perform { [weak self] _ in
      guard let self, descriptor >= 0 else { return }
      isCuttingOff = true
      if restNanoseconds > 0 { return }
      restNanoseconds = Self.shortestRestNanoseconds
      paused(ENOBUFS)
      if !isPaused { rest() }
    }
  }

  private func rest() {
    isCuttingOff = false
    pause(for: restNanoseconds) { listener in
      let rest = listener.restNanoseconds
      listener.restNanoseconds =
        listener.isCuttingOff ? min(2 * rest, Self.longestRestNanoseconds) : rest / 2
      if listener.restNanoseconds < Self.shortestRestNanoseconds { listener.restNanoseconds = 0 }
    }
  }

  private func pause(_ number: Int32) {
    // Said once, or a peer that holds all connections would fill the disk with it.
    if pauseReason != number { paused(number) }
    pauseReason = number
    pause(for: Self.pauseNanoseconds) { _ in }
  }

  private func pause(for nanoseconds: UInt64, end: @escaping @Sendable (Listener) -> Void) {
    isPaused = true
    poller.modify(descriptor, token, 0)
    _ = poller.schedule(at: later(poller.time.nanoseconds, by: nanoseconds)) { [weak self] in
      guard let self, descriptor >= 0 else { return }
      isPaused = false
      end(self)
      poller.modify(descriptor, token, UInt32(CLINUX_READABLE))
    }
  }

  /// Makes the socket's directory, if it is missing, and finds out whether a socket can be made there.
  /// - Returns: the temporary name to bind it to.
  static func prepare(_ options: ServerOptions) throws(ListenError) -> String {
    let path = options.path
    guard let first = path.utf8.first, first != UInt8(ascii: "@"), !path.utf8.contains(0) else {
      throw .invalidPath
    }
    guard options.socketMode & ~0o660 == 0 else { throw .invalidMode }
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    let directory = slash.map { String(path[..<$0]) } ?? "."
    let prefix = slash.map { String(path[...$0]) } ?? ""
    let temporary = prefix + ".s" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
    guard path.utf8.count <= Int(CLINUX_MAX_PATH), temporary.utf8.count <= Int(CLINUX_MAX_PATH) else {
      throw .pathTooLong
    }
    if !directory.isEmpty, unsafe mkdir(directory, options.directoryMode) != 0, errno != EEXIST {
      throw .system(SystemError(number: errno, operation: "mkdir \(directory)"))
    }
    if !directory.isEmpty, unsafe access(directory, W_OK | X_OK) != 0 {
      throw .system(SystemError(number: errno, operation: "write to \(directory)"))
    }
    try requireFree(path)
    return temporary
  }

  private static func bind(_ options: ServerOptions) throws(ListenError) -> (Int32, FileIdentity?) {
    let path = options.path
    let temporary = try prepare(options)
    let descriptor = unsafe clinux_listen_unix(temporary, options.socketMode, options.backlog)
    if descriptor < 0 {
      throw .system(SystemError(number: -descriptor, operation: "listen on \(path)"))
    }
    let identity = FileIdentity(temporary)
    if unsafe rename(temporary, path) != 0 {
      let number = errno
      _ = unsafe unlink(temporary)
      _ = clinux_close(descriptor)
      throw .system(SystemError(number: number, operation: "rename to \(path)"))
    }
    return (descriptor, identity)
  }

  /// The name is free, or belongs to a socket that nobody listens on.
  private static func requireFree(_ path: String) throws(ListenError) {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else {
      if errno == ENOENT { return }
      throw .system(SystemError(number: errno, operation: "look at \(path)"))
    }
    guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket }
    let peer = unsafe clinux_connect_unix(path)
    if peer >= 0 {
      _ = clinux_close(peer)
      throw .inUse
    }
    guard peer == -ECONNREFUSED || peer == -ENOENT else {
      throw .system(SystemError(number: -peer, operation: "see whether \(path) is in use"))
    }
  }
}

/// Which file it is, whatever its name.
private struct FileIdentity: Equatable {
  var device: UInt64
  var inode: UInt64

  init?(_ path: String) {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { return nil }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }
}
