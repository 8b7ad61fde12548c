// Where the server's socket is, and the time of new keys: what the client asks of the system.
//
// Values, owned by nobody.

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

/// Keys for calls that have no key of their own in the caller's data.
public enum IdempotencyKey {
  /// A new key: the time, then randomness, so that keys made one after the other are stored near each
  /// other. 32 hexadecimal digits. Keep it with what it charges for, and send it again on a retry.
  public static func next() -> String {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    let micros = UInt64(now.tv_sec) * 1_000_000 + UInt64(now.tv_nsec) / 1_000
    return padded(micros) + padded(.random(in: 0 ... .max))
  }

  private static func padded(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}
