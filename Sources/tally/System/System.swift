// Access to the operating system: environment, clocks, files, terminals. All unsafe code of the program is in
// this folder.

internal import CTallyProcess
internal import Glibc

/// A call to the operating system that failed.
struct SystemError: Error, CustomStringConvertible {
  /// What was tried, such as `cannot make /run/tallystick`.
  var action: String
  /// Positive.
  var errno: Int32

  var description: String { "\(action): \(unsafe String(cString: strerror(errno)))" }
}

enum System {
  /// A variable of the environment; nil when it is not set or empty.
  static func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// Whether all arguments of the process are UTF-8. Swift repairs those that are not, so that different
  /// names would become one.
  static var argumentsAreUTF8: Bool {
    (0..<Int(CommandLine.argc)).allSatisfy { index in
      guard let argument = unsafe CommandLine.unsafeArgv[index] else { return true }
      return unsafe String(validatingCString: argument) != nil
    }
  }

  static var processId: Int32 { getpid() }
  static var userId: UInt32 { geteuid() }

  /// Microseconds since the epoch.
  static var nowMicros: Int64 { cprocess_realtime_micros() }
  /// Nanoseconds on a clock that is never set.
  static var monotonicNanoseconds: UInt64 { cprocess_monotonic_nanoseconds() }

  static func sleep(nanoseconds: UInt64) { cprocess_sleep_nanoseconds(nanoseconds) }

  /// Random bytes in hexadecimal.
  static func randomHex(byteCount: Int) throws(SystemError) -> String {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    let result = unsafe bytes.withUnsafeMutableBytes { buffer in
      unsafe cprocess_random(buffer.baseAddress, buffer.count)
    }
    try check(result, "cannot get random bytes")
    return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// The whole of a text file of at most `limit` bytes. nil when there is no such file.
  static func text(ofFile path: String, limit: Int) throws(SystemError) -> String? {
    let action = "cannot read \(path)"
    let fd = unsafe cprocess_file_open(path)
    if fd == -ENOENT { return nil }
    try check(fd, action)
    defer { _ = cprocess_close(fd) }
    return try text(of: fd, limit: limit, action: action)
  }

  /// Standard input to its end.
  static func standardInput(limit: Int) throws(SystemError) -> String {
    try text(of: STDIN_FILENO, limit: limit, action: "cannot read standard input")
  }

  private static func text(of fd: Int32, limit: Int, action: String) throws(SystemError) -> String {
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { buffer in
        unsafe cprocess_read(fd, buffer.baseAddress, buffer.count)
      }
      try check(Int32(count), action)
      if count == 0 { break }
      text += chunk[..<count]
      guard text.count <= limit else { throw SystemError(action: action, errno: EFBIG) }
    }
    guard let string = String(validating: text, as: UTF8.self) else {
      throw SystemError(action: "\(action): not UTF-8", errno: EILSEQ)
    }
    return string
  }

  /// What cannot be written is lost, since there is nowhere else to say so.
  static func writeError(_ text: String) { _ = write(text, to: STDERR_FILENO) }

  /// Ends the process when it cannot be written: whoever reads less than there is must not take it for all.
  static func writeOutput(_ text: String) {
    do throws(SystemError) { try tryOutput(text) } catch {
      writeError("tally: \(error)\n")
      Glibc.exit(ExitStatus.system.rawValue)
    }
  }

  /// For whoever goes on when it cannot be written.
  static func tryOutput(_ text: String) throws(SystemError) {
    try check(write(text, to: STDOUT_FILENO), "cannot write to standard output")
  }

  /// - Returns: 0, or the negative error.
  private static func write(_ text: String, to fd: Int32) -> Int32 {
    let bytes = Array(text.utf8)
    return unsafe bytes.withUnsafeBytes { unsafe cprocess_write_all(fd, $0.baseAddress, $0.count) }
  }

  /// Keeps the numbers of standard input, output and error from being given to a socket or a file, whose peer
  /// would then get what is printed. To be called before anything is opened.
  static func holdStandardDescriptors() throws(SystemError) {
    try check(cprocess_standard_hold(), "cannot open /dev/null")
  }

  static var outputIsTerminal: Bool { cprocess_is_terminal(STDOUT_FILENO) == 1 }
  static var errorIsTerminal: Bool { cprocess_is_terminal(STDERR_FILENO) == 1 }
  static var terminalColumns: Int { Int(cprocess_terminal_columns(STDERR_FILENO)) }
  static var outputColumns: Int { Int(cprocess_terminal_columns(STDOUT_FILENO)) }

  /// The path of an inherited listening socket; nil if it has none.
  static func path(ofSocket descriptor: Int32) -> String? {
    var bytes = [CChar](repeating: 0, count: 128)
    let length = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
      unsafe cprocess_socket_path(descriptor, buffer.baseAddress, buffer.count)
    }
    guard length > 0 else { return nil }
    return String(decoding: bytes.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The number of a user that the system knows by name. On the main thread.
  static func userId(named name: String) -> UInt32? { unsafe getpwnam(name).map { unsafe $0.pointee.pw_uid } }

  /// The number of a group that the system knows by name. On the main thread.
  static func groupId(named name: String) -> UInt32? {
    unsafe getgrnam(name).map { unsafe $0.pointee.gr_gid }
  }

  static func isThere(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  static func isDirectory(_ path: String) -> Bool { unsafe cprocess_is_directory(path) == 1 }

  /// Makes the directory and those above it that are missing.
  static func makeDirectory(_ path: String, mode: UInt32) throws(SystemError) {
    try check(unsafe cprocess_directory_make(path, mode), "cannot make \(path)")
  }

  /// To be called before any thread starts.
  static func setFileCreationMask(_ mask: UInt32) { umask(mask) }

  /// Raises the soft limit of descriptors to the hard limit.
  /// - Returns: that limit.
  static func raiseDescriptorLimit() throws(SystemError) -> Int64 {
    let limit = cprocess_descriptors_raise()
    if limit < 0 { throw SystemError(action: "cannot raise the limit of descriptors", errno: Int32(-limit)) }
    return limit
  }

  static var processorCount: Int { Int(cprocess_processor_count()) }

  /// How many threads this process can have at once: `count`, or fewer under a limit of tasks.
  static func threads(upTo count: Int) throws(SystemError) -> Int {
    let threads = cprocess_threads_probe(Int32(count))
    try check(threads, "cannot count threads")
    return Int(threads)
  }

  /// Sets up malloc for a long-lived process that allocates in bursts. To be called before any thread starts.
  static func tuneAllocator() { cprocess_allocator_tune() }

  /// Ends the process at once, without cleanup.
  static func endAtOnce(_ status: Int32) -> Never { _exit(status) }

  static func check(_ result: Int32, _ action: String) throws(SystemError) {
    if result < 0 { throw SystemError(action: action, errno: -result) }
  }
}
