// The machine and the versions that the figures were measured with.

enum Machine {
  /// A Markdown list.
  static func description(command: String, places: Places, rounds: Int, seconds: Double) -> String {
    let lines = [
      "date: \(Tool.firstLine(["date", "-u", "+%Y-%m-%d %H:%M UTC"]))",
      "commit: \(Tool.firstLine(["git", "describe", "--always", "--dirty", "--abbrev=12"]))",
      "command: `\(command)`: \(rounds) interleaved rounds of \(Format.decimal(seconds)) s a figure",
      "processor: \(processor()), \(Tool.firstLine(["nproc"])) cores, shared and noisy",
      "kernel: \(Tool.firstLine(["uname", "-sr"])); file system: \(fileSystem(places.directory))",
      "Swift: \(Tool.firstLine(["swift", "--version"]))",
      "SQLite: \(packageVersion("libsqlite3-0")); protobuf-c: \(packageVersion("libprotobuf-c1"))",
      "peers: PostgreSQL \(packageVersion("postgresql-15")), Redis \(packageVersion("redis-server")), "
        + "Go ttrpc \(packageVersion("golang-github-containerd-ttrpc-dev")), "
        + "grpc-go \(packageVersion("golang-google-grpc-dev"))",
    ]
    return lines.map { "- \($0)" }.joined(separator: "\n")
  }

  private static func processor() -> String {
    let text = (try? SystemCall.readFile("/proc/cpuinfo")) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
    return line?.split(separator: ":").last.map { String($0.drop { $0 == " " }) } ?? "unknown"
  }

  private static func fileSystem(_ directory: String) -> String {
    Tool.firstLine(["stat", "--file-system", "--format", "%T", directory])
  }

  private static func packageVersion(_ name: String) -> String {
    Tool.firstLine(["dpkg-query", "--show", "--showformat", "${Version}", name])
  }
}
