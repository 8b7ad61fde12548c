// A private directory that is removed when its process ends, and the removal of those whose process was
// killed.
//
// Invariants:
// 1. Directories are created, locked, swept and removed under the lock of the base directory, so a sweep
//    never removes one that is still being created.
// 2. The lock inside is held as long as the process lives; a free lock means that its owner is gone.
// 3. The last process to end removes the base directory.
//
// Owner: the command's main thread.

internal import CTallyProcess
internal import Glibc

struct EphemeralDirectory {
  let path: String
  private let base: String
  private let lock: Int32

  static let prefix = "tally-"

  /// How much memory has to be free for it to be used: the daemon's log alone can reach a quarter of a
  /// gigabyte.
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

  /// Removes what killed processes have left behind, then creates a directory.
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
    // Fails, as it should, while there are other directories.
    _ = unsafe rmdir(base)
    _ = cprocess_close(baseLock)
    try System.check(removed, "cannot remove \(path)")
  }
}
