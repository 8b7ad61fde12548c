// A private directory that goes when its process does, and the sweep of those whose process was killed.
//
// Invariants:
// 1. A directory is made, locked, swept and removed under the lock of its base directory, so a sweep
//    never takes one that is only half made.
// 2. The lock inside is held as long as the process lives; a free lock means that its owner is gone.
// 3. The base directory itself is removed by the last one to leave.
//
// Owner: the command's main thread.

internal import CTallyProcess
internal import Glibc

struct EphemeralDirectory {
  let path: String
  private let base: String
  private let lock: Int32

  static let prefix = "tally-"

  /// What has to be free in memory, so that no test's data fills it: the daemon's log alone may reach a
  /// quarter of a gigabyte.
  static let memoryByteCount: Int64 = 512 << 20

  /// Where ephemeral directories stand: in the user's runtime directory, if it is there and theirs (`su` and
  /// containers leave the variable of another session behind); else a directory of the user's own where
  /// `TMPDIR` says, in shared memory if that has room, or in /tmp. In memory a start takes a third of the
  /// time.
  static var defaultBase: String {
    if let runtime = System.environment("XDG_RUNTIME_DIR"), unsafe access(runtime, W_OK | X_OK) == 0 {
      return "\(runtime)/tallystick-ephemeral"
    }
    let hasMemory = unsafe cprocess_free_bytes("/dev/shm") >= memoryByteCount
    let place = System.environment("TMPDIR") ?? (hasMemory ? "/dev/shm" : "/tmp")
    return "\(place)/tallystick-\(System.userId)"
  }

  /// Sweeps what killed processes left behind, then makes a directory.
  init(base: String = Self.defaultBase) throws(SystemError) {
    let baseLock = unsafe cprocess_base_open(base)
    try System.check(baseLock, "cannot use \(base)")
    defer { _ = cprocess_close(baseLock) }
    let swept = unsafe cprocess_private_sweep(base, Self.prefix)
    try System.check(swept, "cannot sweep \(base)")
    self.base = base
    path = "\(base)/\(Self.prefix)\(try System.randomHex(byteCount: 4))"
    lock = unsafe cprocess_private_make(path)
    try System.check(lock, "cannot make \(path)")
  }

  /// Removes the directory with all that is in it.
  func remove() throws(SystemError) {
    let baseLock = unsafe cprocess_base_open(base)
    try System.check(baseLock, "cannot use \(base)")
    let removed = unsafe cprocess_tree_remove(path)
    _ = cprocess_close(lock)
    // Fails as long as there are others, which is what it should do.
    _ = unsafe rmdir(base)
    _ = cprocess_close(baseLock)
    try System.check(removed, "cannot remove \(path)")
  }
}
