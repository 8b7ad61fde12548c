// The settings file of `tally serve`: what is accepted is known and within its bounds.
//
// Input: the file's text.

import TallyProtoJSON

@testable import tally

enum SettingsFuzz {
  static func run(_ bytes: [UInt8]) throws {
    guard let text = FuzzInput(bytes).text,
      let file = try? ConfigurationFile(path: "tally.conf", text: text, known: ServeSettings.known)
    else { return }
    try require(
      file.values.keys.allSatisfy { name in ServeSettings.known.contains { $0.name == name } },
      "a name that nobody knows is refused")
    // Names of users and groups are the machine's; numbers stand for them here.
    var values = file.values
    for key in [ServeSettings.Key.allowUid, .allowGid] {
      values[key.rawValue] = values[key.rawValue]?.filter { $0.utf8.first.map { $0 < 0x3A } ?? false }
    }
    let settings = Settings(flags: [:], environment: { values[Self.name($0)]?.last }, file: file)
    guard let serve = try? ServeSettings(settings) else { return }
    try require(
      (1_024...16_777_215).contains(serve.maxMessageBytes) && (1...65_536).contains(serve.maxConnections)
        && (1...64).contains(serve.pollers) && serve.socketMode & ~0o660 == 0, "numbers are within bounds")
  }

  /// The setting's name of a variable's.
  private static func name(_ variable: String) -> String {
    String(variable.dropFirst("TALLY_".count).map { $0 == "_" ? "-" : $0 }).lowercased()
  }
}
