// swift-tools-version: 6.2
// The house and its rooms. docs/ARCHITECTURE.md says what each target is for and who may import
// whom; the tidy test holds this file and every import to that table.

import PackageDescription

/// Settings of every Swift target: Swift 6, imports that do not leak, unsafe code marked where it
/// stands, and no warning left alone.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// Settings of every C target of ours. Generated C is compiled without them.
let strictC: [CSetting] = [
  .define("_GNU_SOURCE"),
  .enableWarning("all"),
  .enableWarning("extra"),
  .treatAllWarnings(as: .error),
]

/// A release of the program: equal functions once, relocations packed, nothing exported. A sixth smaller.
let smallRelease: [LinkerSetting] = [
  .unsafeFlags(
    [
      "-use-ld=lld", "-Xlinker", "--icf=safe", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs",
      "-Xlinker", "--no-export-dynamic",
    ], .when(platforms: [.linux], configuration: .release))
]

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let collections: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")

let package = Package(
  name: "tallystick",
  products: [
    .executable(name: "tally", targets: ["tally"]),
    .library(name: "TTRPC", targets: ["TTRPC"]),
    .library(name: "TallyClient", targets: ["TallyClient"]),
    .library(name: "TallyTesting", targets: ["TallyTesting"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
  ],
  targets: [
    // C libraries and the shims that Swift cannot call.
    .target(name: "CSQLite", cSettings: strictC, linkerSettings: [.linkedLibrary("sqlite3")]),
    .target(name: "CProtobufC", cSettings: strictC, linkerSettings: [.linkedLibrary("protobuf-c")]),
    .target(name: "CLinux", cSettings: strictC),
    .target(name: "CProcess", cSettings: strictC),
    .target(name: "CMessages", dependencies: ["CProtobufC"]),

    // The rooms, from the bottom up.
    .target(name: "Locking", swiftSettings: strict),
    .target(name: "Measuring", dependencies: ["Locking"], swiftSettings: strict),
    .target(name: "Messages", dependencies: ["CMessages", "CProtobufC"], swiftSettings: strict),
    .target(name: "ProtoJSON", swiftSettings: strict),
    .target(name: "TTRPC", dependencies: ["CLinux", "Locking", collections], swiftSettings: strict),
    .target(name: "SQLite", dependencies: ["CSQLite", "Locking", "Measuring"], swiftSettings: strict),
    .target(
      name: "Core", dependencies: ["SQLite", "Locking", "Measuring", crypto, collections],
      swiftSettings: strict),
    .target(
      name: "Server",
      dependencies: ["TTRPC", "Messages", "ProtoJSON", "Core", "Locking", "Measuring", crypto, logging],
      swiftSettings: strict),
    .target(name: "TallyClient", dependencies: ["TTRPC", "Messages", "Locking"], swiftSettings: strict),
    .target(
      name: "TallyTesting", dependencies: ["CProcess", "TallyClient", "Messages", "Locking"],
      swiftSettings: strict),
    .executableTarget(
      name: "tally",
      dependencies: [
        "CProcess", "Server", "TallyClient", "TallyTesting", "TTRPC", "Messages", "ProtoJSON", "Core",
        "Locking", "Measuring", arguments, logging,
      ],
      swiftSettings: strict,
      linkerSettings: smallRelease),

    // Benchmarks: what runs them, and in C what both ends share, the floors and the load generator.
    .executableTarget(name: "bench", dependencies: [arguments], swiftSettings: strict),
    .target(name: "BenchWire", cSettings: strictC),
    .executableTarget(
      name: "FloorEcho", dependencies: ["BenchWire", "CMessages", "CProtobufC"], cSettings: strictC),
    .executableTarget(
      name: "FloorConsume", dependencies: ["BenchWire", "CMessages", "CProtobufC", "CSQLite"],
      cSettings: strictC),
    .executableTarget(name: "LoadGenerator", dependencies: ["BenchWire"], cSettings: strictC),

    // Tests mirror the rooms, plus what crosses them.
    .testTarget(
      name: "MessagesTests", dependencies: ["Messages", "CProtobufC"], swiftSettings: strict),
    .testTarget(name: "ProtoJSONTests", dependencies: ["ProtoJSON", "Messages"], swiftSettings: strict),
    .testTarget(name: "TTRPCTests", dependencies: ["TTRPC", "CLinux", "Locking"], swiftSettings: strict),
    .testTarget(name: "MeasuringTests", dependencies: ["Measuring"], swiftSettings: strict),
    .testTarget(
      name: "SQLiteTests", dependencies: ["SQLite", "Locking", "Measuring"], swiftSettings: strict),
    .testTarget(
      name: "CoreTests", dependencies: ["Core", "SQLite", "Locking", "Measuring", crypto],
      exclude: ["Store/Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "ServerTests",
      dependencies: ["Server", "TallyClient", "TTRPC", "Messages", "Core", "Locking", "Measuring", logging],
      swiftSettings: strict),
    .testTarget(
      name: "TallyClientTests", dependencies: ["TallyClient", "TTRPC", "Messages", "Locking"],
      swiftSettings: strict),
    .testTarget(
      name: "tallyTests",
      dependencies: ["tally", "TallyTesting", "TallyClient", "Messages", "ProtoJSON", arguments],
      swiftSettings: strict),
    .testTarget(name: "BenchTests", dependencies: ["bench"], swiftSettings: strict),
    .testTarget(name: "TidyTests", swiftSettings: strict),

    // Faults across processes, and the server with a fault built in that its canaries run against.
    .executableTarget(
      name: "FaultyServer", dependencies: ["CProcess", "Server", "Core", "TTRPC", "Locking", logging],
      path: "Tests/FaultyServer", swiftSettings: strict),
    .testTarget(
      name: "FaultTests",
      dependencies: [
        "tally", "FaultyServer", "CProcess", "CLinux", "TallyClient", "TTRPC", "Messages", "Locking",
      ],
      swiftSettings: strict),
  ]
)
