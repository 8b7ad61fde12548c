// What kind of file system a database would live on, and whether there is one for temporary files.

internal import CTallySQLite
internal import Glibc

public enum FileSystem {
  /// The magic number of statfs(2).
  /// - Returns: nil when it cannot be told; errno says why.
  public static func magic(ofOpenFile descriptor: Int32) -> UInt32? {
    let magic = tally_file_system_magic(descriptor)
    return magic < 0 ? nil : UInt32(truncatingIfNeeded: magic)
  }

  /// Where SQLite looks for a place for temporary files, in this order.
  private static var temporaryPlaces: [String] {
    [environment("SQLITE_TMPDIR"), environment("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp", "."]
      .compactMap(\.self)
  }

  private static func environment(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }

  /// Whether SQLite can make a temporary file: without a place for one it fails.
  static func takesTemporaryFiles(in places: [String] = temporaryPlaces) -> Bool {
    places.contains { place in
      var facts = stat()
      let isThere = unsafe stat(place, &facts) == 0 && access(place, W_OK | X_OK) == 0
      return isThere && facts.st_mode & S_IFMT == S_IFDIR
    }
  }
}
