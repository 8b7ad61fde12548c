// Where the server's socket is, and the time: what the client asks of the system.

internal import Glibc

/// Where clients look for the server.
public enum SocketLocation {
  /// The places to try, in their order: `TALLY_SOCKET` alone if it is set; else the user's runtime
  /// directory, then the system's.
  public static var candidates: [String] { candidates(environment: variable) }

  static func candidates(environment: (String) -> String?) -> [String] {
    if let path = environment("TALLY_SOCKET") { return [path] }
    let runtime = environment("XDG_RUNTIME_DIR").map { ["\($0)/tallystick/tally.sock"] } ?? []
    return runtime + ["/run/tallystick/tally.sock"]
  }

  private static func variable(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }
}

enum SystemTime {
  /// Since 1970; never before it.
  static var wallMillis: UInt64 {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    return UInt64(clamping: now.tv_sec) * 1_000 + UInt64(clamping: now.tv_nsec) / 1_000_000
  }
}
