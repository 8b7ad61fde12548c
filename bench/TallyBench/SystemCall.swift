// The system calls that the benchmarks need, each behind a safe signature.
//
// Invariants:
// 1. No pointer leaves this file.
//
// Owner: the main thread; the program has no other.

import Glibc

enum SystemCall {
  static func errorText() -> String {
    let code = errno
    guard let text = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: text)
  }

  /// Starts a program found in PATH. `output` and `errors` are the descriptors of its standard output and
  /// standard error.
  static func spawn(_ command: [String], output: Int32, errors: Int32) throws(BenchError) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    unsafe posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
    var arguments = unsafe command.map { unsafe strdup($0) }
    defer { unsafe arguments.forEach { unsafe free($0) } }
    unsafe arguments.append(nil)
    var pid: pid_t = 0
    let code = unsafe posix_spawnp(&pid, command[0], &actions, nil, arguments, environ)
    guard code == 0 else { throw BenchError("cannot start \(command[0]): error \(code)") }
    return pid
  }

  /// Waits for the end of a process, and returns its exit status, or 128 plus the signal that ended it.
  static func wait(_ pid: pid_t) throws(BenchError) -> Int32 {
    var status: Int32 = 0
    while unsafe waitpid(pid, &status, 0) < 0 {
      guard errno == EINTR else { throw BenchError(system: "waitpid") }
    }
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }

  /// True while the process has not ended.
  static func isRunning(_ pid: pid_t) -> Bool {
    var information = unsafe siginfo_t()
    let code = unsafe waitid(P_PID, id_t(pid), &information, WEXITED | WNOHANG | WNOWAIT)
    return unsafe code == 0 && information._sifields._kill.si_pid == 0
  }

  /// A pipe whose ends are closed in child processes, except for those that `spawn` passes on.
  static func pipe() throws(BenchError) -> (read: Int32, write: Int32) {
    var ends: [Int32] = [0, 0]
    guard unsafe Glibc.pipe(&ends) == 0 else { throw BenchError(system: "pipe") }
    for end in ends where fcntl(end, F_SETFD, FD_CLOEXEC) != 0 { throw BenchError(system: "fcntl") }
    return (ends[0], ends[1])
  }

  /// All that can be read until the end, as text.
  static func readAll(_ descriptor: Int32) throws(BenchError) -> String {
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = unsafe read(descriptor, &chunk, chunk.count)
      guard count >= 0 else { throw BenchError(system: "read") }
      guard count > 0 else { return String(decoding: text, as: UTF8.self) }
      text += chunk[..<count]
    }
  }

  static func readFile(_ path: String) throws(BenchError) -> String {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw BenchError(system: path) }
    defer { close(descriptor) }
    return try readAll(descriptor)
  }

  static func writeFile(_ path: String, _ text: String) throws(BenchError) {
    let descriptor = try create(path)
    defer { close(descriptor) }
    guard writeAll(descriptor, text) else { throw BenchError(system: path) }
  }

  /// Writes progress. Failures are ignored: a run does not depend on whether anybody reads its progress.
  static func writeToStandardError(_ text: String) {
    _ = writeAll(STDERR_FILENO, text)
  }

  private static func writeAll(_ descriptor: Int32, _ text: String) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// An empty file to write to.
  static func create(_ path: String) throws(BenchError) -> Int32 {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw BenchError(system: path) }
    return descriptor
  }

  static func makeDirectory(_ path: String) throws(BenchError) {
    guard unsafe mkdir(path, 0o755) == 0 else { throw BenchError(system: path) }
  }

  static func exists(_ path: String) -> Bool {
    unsafe access(path, F_OK) == 0
  }

  static func fileSize(_ path: String) throws(BenchError) -> Int {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw BenchError(system: path) }
    return Int(status.st_size)
  }

  static func pause(millis: UInt32) {
    usleep(millis * 1000)
  }
}
