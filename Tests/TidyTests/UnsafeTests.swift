// Where unsafe code and C types may stand. The compiler's strict memory safety makes each use say
// `unsafe`; this holds those words to the rooms that own a C library or the system's interface.

import Testing

@Suite("Unsafe")
struct UnsafeTests {
  /// A file may say `unsafe` when its path begins with one of these.
  static let rooms = [
    "Sources/TallyLocking/", "Sources/TallyMessages/", "Sources/TTRPC/",
    "Sources/TallySQLite/", "bench/TallyBench/",
    // The data directory's lock, the wall clock, and bytes under a digest.
    "Sources/TallySQLiteStore/Files/DataDirectory.swift", "Sources/TallySQLiteStore/Files/FileWatch.swift",
    "Sources/TallyCore/Time/TimeSource.swift",
    "Sources/TallyCore/Credits/Chain.swift",
    // Bytes under a hash, and time zone files.
    "Sources/TallyCore/Text/ExactText.swift",
    "Sources/TallyCore/Time/ZoneStore.swift",
    "Sources/TallyClient/System/", "Sources/TallyTesting/System/", "Sources/tally/System/",
  ]

  @Test("unsafe stands only in the rooms that own a C interface")
  func unsafe() {
    for file in Project.sources {
      guard !Self.rooms.contains(where: { file.path.hasPrefix($0) }) else { continue }
      for (number, text) in file.code where text.contains(/\bunsafe\b/) {
        Issue.record("\(file.path):\(number): \(text)")
      }
    }
  }

  @Test("C types of a library stay in the room that owns it")
  func cTypes() {
    let owners: [(prefix: String, room: String)] = [
      ("sqlite3_", "TallySQLite"), ("protobuf_c_", "TallyMessages"), ("ProtobufC", "TallyMessages"),
    ]
    for file in Project.sources {
      for owner in owners where file.room != owner.room {
        for (number, text) in file.code where text.contains(owner.prefix) {
          Issue.record("\(file.path):\(number): \(owner.prefix) belongs to \(owner.room)")
        }
      }
    }
  }
}
