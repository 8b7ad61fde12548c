// What kind of file system a database would live on.

internal import CTallySQLite

public enum FileSystem {
  /// The magic number of statfs(2).
  /// - Returns: nil when it cannot be told; errno says why.
  public static func magic(ofOpenFile descriptor: Int32) -> UInt32? {
    let magic = tally_file_system_magic(descriptor)
    return magic < 0 ? nil : UInt32(truncatingIfNeeded: magic)
  }
}
