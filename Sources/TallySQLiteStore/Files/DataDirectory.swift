// The directory that holds the database, and the lock that keeps a second daemon out of it.
//
// Invariants:
// 1. `daemon.lock` is held, by flock, for as long as the value lives; the kernel drops it with the process.
// 2. A database or -shm file that is there is never opened here: closing it would drop SQLite's locks.
// 3. The directory belongs to this user and is closed to everybody else.
// 4. The names of the database and its log are on the disk before anything is served: SQLite ignores
//    a failed sync of the directory, and a log that has lost its name has lost all that it holds. A name that
//    this start made and could not sync is removed again: the next one has to make it anew, since a second
//    sync of the same directory would say nothing of what the first one failed to write.
// 5. The removal of the journal with which SQLite makes the database's first page is on the disk by then as
//    well: a journal that comes back after a power cut would undo that page, and all that was written since.
//
// Owner: the engine.

internal import Glibc
internal import TallyCore
internal import TallySQLite

@safe final class DataDirectory: Sendable {
  /// Resolved: no component is a symbolic link.
  let path: String
  private let lockDescriptor: Int32
  /// The database had no page when this value was made.
  private let wasEmpty: Bool
  /// The database had a page, and no log stood beside it, when this value was made.
  private let lackedLog: Bool

  static let databaseName = "tally.db"
  private static let logName = LogFile.path(ofDatabase: databaseName)
  static let lockName = "daemon.lock"
  private static let mode: mode_t = 0o700

  /// What stands for one database.
  private static let databaseNames = [databaseName, logName, databaseName + "-shm"]

  var databasePath: String { path + "/" + Self.databaseName }

  /// What has to stay where it is for as long as the database is open.
  var watchedPaths: [String] {
    [path, databasePath, databasePath + "-wal", databasePath + "-shm", path + "/" + Self.lockName]
  }

  /// Makes the directory if it is missing (its parent must exist), checks it and locks it.
  init(path: String, allowsAnyFileSystem: Bool) throws(StoreError) {
    let isNew = Self.retrying { unsafe mkdir(path, Self.mode) } == 0
    if !isNew && errno != EEXIST { throw Self.failure("cannot make the data directory \(path)") }
    guard let resolved = unsafe realpath(path, nil) else {
      throw Self.failure("cannot resolve the data directory \(path)")
    }
    let resolvedPath = unsafe String(cString: resolved)
    unsafe free(resolved)
    self.path = resolvedPath
    // Whoever made the database has synced the directory's name before: one sync less for each later start.
    if unsafe access(resolvedPath + "/" + Self.databaseName, F_OK) != 0 {
      try Self.syncParent(of: resolvedPath, isNew: isNew)
    }
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    let directory = Self.retrying { unsafe open(resolvedPath, flags) }
    guard directory >= 0 else { throw Self.failure("cannot open the data directory \(path)") }
    defer { close(directory) }
    do throws(StoreError) {
      try Self.check(directory, path: self.path)
      if !allowsAnyFileSystem { try Self.checkFileSystem(directory, path: self.path) }
    } catch {
      // A start that is refused leaves nothing behind.
      if isNew { unsafe rmdir(resolvedPath) }
      throw error
    }
    let lock = try Self.lock(directory, path: self.path)
    do throws(StoreError) {
      wasEmpty = try Self.size(of: Self.databaseName, in: directory) ?? 0 == 0
      let logSize = try Self.size(of: Self.logName, in: directory)
      lackedLog = !wasEmpty && logSize == nil
      try Self.makeFiles(directory, path: self.path)
    } catch {
      close(lock)
      throw error
    }
    // Last: from here on it is closed with the value.
    lockDescriptor = lock
  }

  deinit { close(lockDescriptor) }

  /// Whether a process holds the lock of the directory that a database file is in.
  static func isServed(databasePath: String) -> Bool {
    let folder = databasePath.lastIndex(of: "/").map { databasePath[...$0] } ?? "./"
    let descriptor = unsafe open(folder + lockName, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_EX | LOCK_NB) != 0
  }

  /// Whether a log with something in it stands beside a database file, or may: it cannot be looked at.
  static func hasLog(databasePath: String) -> Bool {
    var facts = stat()
    guard unsafe lstat(databasePath + "-wal", &facts) == 0 else { return errno != ENOENT }
    return facts.st_size > 0
  }

  /// After SQLite has made the database's first page, and before anything else is put on it.
  func syncFirstPage() throws(StoreError) {
    guard wasEmpty else { return }
    let directory = Self.retrying { unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard directory >= 0 else { throw Self.failure("cannot open the data directory \(path)") }
    defer { close(directory) }
    guard !Self.canSync(directory) else { return }
    let error = Self.syncFailure(path)
    // The next start makes all of it anew, with a journal that it removes.
    for name in Self.databaseNames { unsafe unlinkat(directory, name, 0) }
    throw error
  }

  /// Refuses a database that has no tables and was found without a log. It was copied without its log, which
  /// holds the tables; a first start that was interrupted leaves a log behind, even if an empty one.
  ///
  /// Once tables were copied from the log into the database file, a missing log cannot be noticed: after a
  /// clean end there is none either, and the file holds the ledger as it was at some earlier commit.
  func requireLog(hasTables: Bool) throws(StoreError) {
    guard lackedLog, !hasTables else { return }
    // This start has made an empty one, which would speak for the next start.
    unsafe unlink(path + "/" + Self.logName)
    throw StoreError(
      .filesLost,
      "\(databasePath) holds no ledger, and its log \(Self.logName) is missing: it was copied without the "
        + "log, which holds what was written; copy both while no server runs, or put back a backup")
  }

  /// Lets another process in; after the database was closed.
  func unlock() { flock(lockDescriptor, LOCK_UN) }

  private static func check(_ directory: Int32, path: String) throws(StoreError) {
    var facts = stat()
    guard unsafe fstat(directory, &facts) == 0 else { throw failure("cannot examine \(path)") }
    guard facts.st_uid == geteuid() else {
      throw StoreError(.directory, "the data directory \(path) belongs to another user")
    }
    if facts.st_mode & 0o077 != 0 && fchmod(directory, mode) != 0 {
      throw failure("cannot close the data directory \(path) to others")
    }
  }

  /// Magic numbers of statfs(2).
  private static let unfitFileSystems: [UInt32: String] = [
    0x6969: "NFS", 0x517B: "SMB", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB2", 0x0102_1997: "9P",
    0x00C3_6400: "Ceph", 0x5346_414F: "AFS", 0x7375_7245: "Coda", 0x6573_5546: "FUSE",
    0x0102_1994: "tmpfs", 0x8584_58F6: "ramfs",
  ]

  private static func checkFileSystem(_ directory: Int32, path: String) throws(StoreError) {
    guard let magic = FileSystem.magic(ofOpenFile: directory) else {
      throw failure("cannot examine \(path)")
    }
    if let name = unfitFileSystems[magic] {
      throw StoreError(
        .fileSystem, "\(path) is on \(name), which may lose acknowledged writes")
    }
  }

  private static func lock(_ directory: Int32, path: String) throws(StoreError) -> Int32 {
    let flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC
    let descriptor = retrying { unsafe openat(directory, lockName, flags, 0o600) }
    guard descriptor >= 0 else { throw failure("cannot open \(path)/\(lockName)") }
    guard retrying({ flock(descriptor, LOCK_EX | LOCK_NB) }) == 0 else {
      let isLocked = errno == EWOULDBLOCK
      let error = failure("cannot lock \(path)/\(lockName)")
      close(descriptor)
      if isLocked { throw StoreError(.alreadyRunning, "another process is serving \(path)") }
      throw error
    }
    return descriptor
  }

  /// Makes empty files that are their owner's alone, the database and its log, and syncs their names. A file
  /// that is there already is not opened.
  /// - Throws: when there is none, but what looks like one: a ledger under another name would be taken for no
  ///   ledger at all, and every balance for zero.
  private static func makeFiles(_ directory: Int32, path: String) throws(StoreError) {
    if try size(of: databaseName, in: directory) ?? 0 == 0 { try refuseOthers(directory, path: path) }
    let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    var made: [String] = []
    for name in [databaseName, logName] {
      let descriptor = retrying { unsafe openat(directory, name, flags, 0o600) }
      if descriptor >= 0 {
        close(descriptor)
        made.append(name)
      } else if errno != EEXIST {
        throw failure("cannot make \(path)/\(name)")
      }
    }
    guard !canSync(directory) else { return }
    let error = syncFailure(path)
    // They are empty: nothing is lost with them. What cannot be removed is made good by no one.
    for name in made { unsafe unlinkat(directory, name, 0) }
    throw error
  }

  /// Puts the directory's own name on the disk.
  /// - Parameter isNew: made by this start, which removes it again when that fails.
  private static func syncParent(of path: String, isNew: Bool) throws(StoreError) {
    let parent = retrying { unsafe open(path + "/..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard parent >= 0 else {
      // Whoever made the directory could write to its parent. One that was here before is taken as it is when
      // its parent may not be looked into.
      if !isNew && errno == EACCES { return }
      throw failure("cannot open the directory above \(path)")
    }
    defer { close(parent) }
    guard !canSync(parent) else { return }
    let error = syncFailure("the directory above \(path)")
    if isNew { unsafe rmdir(path) }
    throw error
  }

  /// Syncs a directory. A file system that knows no such thing says EINVAL.
  private static func canSync(_ directory: Int32) -> Bool {
    FileSystem.sync(openFile: directory) || errno == EINVAL
  }

  /// A call that a signal may interrupt, again until none does.
  private static func retrying(_ call: () -> Int32) -> Int32 {
    while true {
      let result = call()
      if result >= 0 || errno != EINTR { return result }
    }
  }

  private static func syncFailure(_ what: String) -> StoreError {
    StoreError(.outcomeUnknown, "cannot sync \(what): \(unsafe String(cString: strerror(errno)))")
  }

  /// - Returns: nil when there is no such file. One that cannot be looked at is not taken for missing.
  private static func size(of name: String, in directory: Int32) throws(StoreError) -> Int64? {
    var facts = stat()
    if unsafe fstatat(directory, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 { return Int64(facts.st_size) }
    if errno == ENOENT { return nil }
    throw failure("cannot examine \(name)")
  }

  private static func refuseOthers(_ directory: Int32, path: String) throws(StoreError) {
    if try size(of: databaseName + "-wal", in: directory) ?? 0 > 0 {
      throw StoreError(
        .directory,
        "\(path) holds the log \(databaseName)-wal without its database: put \(databaseName) back beside "
          + "it, or restore a backup to an empty directory")
    }
    for name in try names(directory, path: path).sorted() where try isDatabase(name, directory) {
      throw StoreError(
        .directory,
        "\(path) holds the database \(name) but no \(databaseName): rename it to \(databaseName) if it is "
          + "the ledger to serve, or name another directory for a new one")
    }
  }

  private static func names(_ directory: Int32, path: String) throws(StoreError) -> [String] {
    // Of its own: reading moves on in what is open.
    let descriptor = retrying { unsafe openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw failure("cannot list \(path)") }
    guard let stream = unsafe fdopendir(descriptor) else {
      let error = failure("cannot list \(path)")
      close(descriptor)
      throw error
    }
    defer { _ = unsafe closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(stream) else {
        if errno != 0 { throw failure("cannot list \(path)") }
        return names
      }
      names.append(
        unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
          unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
        })
    }
  }

  /// How every file of SQLite's begins.
  private static let signature = Array("SQLite format 3\0".utf8)

  /// Whether a regular file, which nothing in this process has open, is a database of SQLite's.
  /// - Throws: when it cannot be told of a file of this user's.
  private static func isDatabase(_ name: String, _ directory: Int32) throws(StoreError) -> Bool {
    guard name != databaseName, try size(of: name, in: directory) ?? 0 > 0 else { return false }
    let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
    let descriptor = retrying { unsafe openat(directory, name, flags) }
    guard descriptor >= 0 else {
      if [ELOOP, ENXIO, ENOENT].contains(errno) { return false }
      throw failure("cannot open \(name)")
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: signature.count)
    let count = retrying { Int32(clamping: unsafe read(descriptor, &bytes, bytes.count)) }
    if count < 0 && errno != EISDIR { throw failure("cannot read \(name)") }
    return count == bytes.count && bytes == signature
  }

  private static func failure(_ what: String) -> StoreError {
    StoreError(.directory, "\(what): \(unsafe String(cString: strerror(errno)))")
  }
}
