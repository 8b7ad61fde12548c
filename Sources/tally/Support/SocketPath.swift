// Recognizes a network address that was given instead of the path of a socket.

enum SocketPath {
  /// For a path that looks like a network address: `localhost:8080`, `http://127.0.0.1`.
  static func advice(_ path: String) -> String? {
    let looksLikeAddress = path.contains("://") || isPort(path[...]) || hasPort(path)
    guard looksLikeAddress else { return nil }
    return "there is no network port: a server has a socket in the file system, and --socket takes its path"
  }

  /// Advice for the path in a message such as `connect to localhost:8080: No such file or directory`.
  static func advice(inMessage message: String) -> String? {
    let mark = "connect to "
    guard let start = message.firstRange(of: mark)?.upperBound,
      let end = message.lastIndex(of: ":"), start < end
    else { return nil }
    return advice(String(message[start..<end]))
  }

  private static func hasPort(_ path: String) -> Bool {
    guard !path.contains("/"), let cut = path.lastIndex(of: ":") else { return false }
    return isPort(path[path.index(after: cut)...])
  }

  private static func isPort(_ text: Substring) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }
}
