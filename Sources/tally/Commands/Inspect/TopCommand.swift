// `tally top`: what the server does, redrawn every second.
//
// Invariants:
// 1. Rates and quantiles are of the time between two samples, not since the server's start.
// 2. Without a terminal one frame is printed, without control characters.
//
// Owner: the command's main thread.

internal import ArgumentParser

struct TopCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Shows calls, commits, caches and statements as they happen.",
    discussion: """
      Press q or Control-C to quit. Role: admin.

      Examples:
        tally top
        tally top --once --interval 5
      """)

  /// Moves the cursor home and clears the screen.
  private static let clear = "\u{1B}[H\u{1B}[J"

  @OptionGroup var connection: ConnectionOptions

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Seconds between frames: 1 to 3600.", valueName: "seconds"))
  var interval = 1

  @Flag(help: "Print one frame and quit.")
  var once = false

  func validate() throws {
    guard (1...3_600).contains(interval) else {
      throw ValidationError("--interval must be 1 to 3600 seconds, not \(interval)")
    }
  }

  func perform() async throws {
    let client = connection.client
    let isLive = System.outputIsTerminal && !once
    let keyboard = isLive ? Keyboard() : nil
    let interruption = keyboard.map { _ in Interruption { Keyboard.end() } }
    defer {
      Keyboard.end()
      interruption?.end()
    }
    var earlier = try await TopSample(client)
    while true {
      if try await Self.isTold(keyboard, within: .seconds(interval)) { return }
      let later = try await TopSample(client)
      let text = TopFrame(earlier, later).text
      guard isLive else { return System.writeOutput(text) }
      let columns = max(40, System.terminalColumns)
      let cut = text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.prefix(columns - 1) }
      System.writeOutput(Self.clear + cut.joined(separator: "\n"))
      earlier = later
    }
  }
}

extension TopCommand {
  /// Waits for the duration, or until `q` is pressed.
  private static func isTold(_ keyboard: Keyboard?, within duration: Duration) async throws -> Bool {
    guard let keyboard else {
      try await Task.sleep(for: duration)
      return false
    }
    let end = ContinuousClock.now + duration
    while ContinuousClock.now < end {
      let left = ContinuousClock.now.duration(to: end)
      let milliseconds = left.components.seconds * 1_000 + left.components.attoseconds / 1_000_000_000_000_000
      if let key = keyboard.key(within: Int32(clamping: milliseconds + 1)), key | 0x20 == Keyboard.quit {
        return true
      }
    }
    return false
  }
}
