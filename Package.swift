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

/// Whether scripts/fuzz builds; see the end of this file.
let isFuzzed = Context.environment["TALLY_FUZZ"] == "1"

/// The test targets that scripts/sanitize and scripts/soak build, with what they are made of; else all.
let suites = Context.environment["TALLY_SUITES"]?.split(separator: " ").map(String.init)

/// Whether a stand-in for swift-crypto is built: where little is hashed, building swift-crypto would take
/// most of the time.
let hasStandIn = isFuzzed || suites != nil && Context.environment["TALLY_CRYPTO"] == nil

/// What only the daemon and its tools need. With `traits: []` a user of TTRPC, TallyClient or TallyTesting
/// fetches none of it.
let daemonOnly: TargetDependencyCondition? = .when(traits: ["Daemon"])
let crypto: Target.Dependency =
  hasStandIn ? "Crypto" : .product(name: "Crypto", package: "swift-crypto", condition: daemonOnly)
let logging: Target.Dependency = .product(
  name: "Logging", package: "swift-log", condition: daemonOnly)
let arguments: Target.Dependency = .product(
  name: "ArgumentParser", package: "swift-argument-parser", condition: daemonOnly)
let collections: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")

let package = Package(
  name: "tallystick",
  products: [
    .executable(name: "tally", targets: ["tally"]),
    .library(name: "TTRPC", targets: ["TTRPC"]),
    .library(name: "TallyClient", targets: ["TallyClient"]),
    .library(name: "TallyTesting", targets: ["TallyTesting"]),
    // For our own tests only, which preload it into the program.
    .library(name: "TallyFaults", type: .dynamic, targets: ["CTallyFaultyDisk", "CTallyFaultyMemory"]),
  ],
  traits: [
    .default(enabledTraits: ["Daemon"]),
    .trait(name: "Daemon", description: "the program `tally`, the server's rooms and the benchmarks"),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
  ],
  targets: [
    // C libraries and the shims that Swift cannot call.
    .target(name: "CTallySQLite", cSettings: strictC, linkerSettings: [.linkedLibrary("sqlite3")]),
    .target(name: "CTallyProtobufC", cSettings: strictC, linkerSettings: [.linkedLibrary("protobuf-c")]),
    .target(name: "CTallyLinux", cSettings: strictC),
    .target(name: "CTallyProcess", cSettings: strictC),
    .target(name: "CTallyMessages", dependencies: ["CTallyProtobufC"]),

    // The rooms, from the bottom up.
    .target(name: "TallyLocking", swiftSettings: strict),
    .target(name: "TallyMeasuring", dependencies: ["TallyLocking"], swiftSettings: strict),
    .target(
      name: "TallyMessages", dependencies: ["CTallyMessages", "CTallyProtobufC"], swiftSettings: strict),
    .target(name: "TallyProtoJSON", swiftSettings: strict),
    .target(
      name: "TTRPC", dependencies: ["CTallyLinux", "TallyLocking", collections], swiftSettings: strict),
    .target(
      name: "TallySQLite", dependencies: ["CTallySQLite", "TallyLocking", "TallyMeasuring"],
      swiftSettings: strict),
    .target(
      name: "TallyCore",
      dependencies: ["TallyLocking", "TallyMeasuring", crypto, collections], swiftSettings: strict),
    .target(
      name: "TallySQLiteStore",
      dependencies: ["TallyCore", "TallySQLite", "TallyLocking", "TallyMeasuring", crypto],
      swiftSettings: strict),
    .target(
      name: "TallyServer",
      dependencies: [
        "TTRPC", "TallyMessages", "TallyProtoJSON", "TallyCore", "TallyLocking", "TallyMeasuring", crypto,
        logging,
      ],
      swiftSettings: strict),
    .target(
      name: "TallyClient", dependencies: ["TTRPC", "TallyMessages", "TallyLocking"], swiftSettings: strict),
    .target(
      name: "TallyTesting", dependencies: ["CTallyProcess", "TallyClient", "TallyMessages", "TallyLocking"],
      swiftSettings: strict),
    .executableTarget(
      name: "tally",
      dependencies: [
        "CTallyProcess", "TallyServer", "TallyClient", "TallyTesting", "TTRPC", "TallyMessages",
        "TallyProtoJSON", "TallyCore", "TallySQLiteStore", "TallyLocking", "TallyMeasuring", arguments,
        logging,
      ],
      swiftSettings: strict,
      linkerSettings: smallRelease),

    // Benchmarks: what runs them and its tests, and in C what both ends share, the floors and the load
    // generator.
    .executableTarget(
      name: "TallyBench", dependencies: [arguments], path: "bench/TallyBench", swiftSettings: strict),
    .testTarget(
      name: "BenchTests", dependencies: ["TallyBench"], path: "bench/BenchTests", swiftSettings: strict),
    .target(name: "CTallyBenchWire", path: "bench/CTallyBenchWire", cSettings: strictC),
    .executableTarget(
      name: "CTallyFloorEcho", dependencies: ["CTallyBenchWire", "CTallyMessages", "CTallyProtobufC"],
      path: "bench/CTallyFloorEcho", cSettings: strictC),
    .executableTarget(
      name: "CTallyFloorConsume",
      dependencies: ["CTallyBenchWire", "CTallyMessages", "CTallyProtobufC", "CTallySQLite"],
      path: "bench/CTallyFloorConsume", cSettings: strictC),
    .executableTarget(
      name: "CTallyLoadGenerator", dependencies: ["CTallyBenchWire"], path: "bench/CTallyLoadGenerator",
      cSettings: strictC),

    // Tests mirror the rooms, plus what crosses them.
    .testTarget(
      name: "MessagesTests",
      dependencies: ["CTallyFaultyMemory", "TallyMessages", "TallyLocking", "CTallyProtobufC"],
      swiftSettings: strict),
    .testTarget(
      name: "ProtoJSONTests", dependencies: ["TallyProtoJSON", "TallyMessages"], swiftSettings: strict),
    .testTarget(
      name: "TTRPCTests", dependencies: ["TallyTestSupport", "TTRPC", "CTallyLinux", "TallyLocking"],
      swiftSettings: strict),
    .testTarget(name: "MeasuringTests", dependencies: ["TallyMeasuring"], swiftSettings: strict),
    .testTarget(
      name: "SQLiteTests",
      dependencies: ["TallyTestSupport", "TallySQLite", "TallyLocking", "TallyMeasuring"],
      swiftSettings: strict),
    .testTarget(
      name: "CoreTests",
      dependencies: [
        "CTallyFaultyDisk", "CTallyFaultyMemory", "CTallyProcess", "TallyMemoryEngine", "TallyModel",
        "TallyTestSupport", "tally", "TallyCore", "TallySQLiteStore", "TallySQLite", "TallyLocking",
        "TallyMeasuring", crypto,
      ],
      exclude: ["Store/Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "ServerTests",
      dependencies: [
        "TallyTestSupport",
        "TallyServer", "TallyClient", "TTRPC", "TallyMessages", "TallyProtoJSON", "TallyCore",
        "TallySQLiteStore", "TallyLocking", "TallyMeasuring", logging,
      ],
      swiftSettings: strict),
    .testTarget(
      name: "TallyClientTests",
      dependencies: ["TallyTestSupport", "TallyClient", "TTRPC", "TallyMessages", "TallyLocking"],
      swiftSettings: strict),
    .testTarget(
      name: "tallyTests",
      dependencies: [
        "TallyTestSupport", "tally", "TallyCore", "TallyTesting", "TallyClient", "TallyMessages",
        "TallyProtoJSON", arguments,
      ],
      swiftSettings: strict),
    .testTarget(name: "TidyTests", swiftSettings: strict),

    // What the fuzzer runs, with every input that is kept, as ordinary tests.
    .testTarget(
      name: "FuzzTests",
      dependencies: [
        "TallyTestSupport", "tally", "TTRPC", "TallyMessages", "TallyProtoJSON", "TallyCore", "TallyServer",
        "TallySQLite", "TallySQLiteStore", "TallyLocking",
      ],
      path: "Tests/TallyFuzz", exclude: ["Corpus", "Crypto", "Program"], swiftSettings: strict),

    // Makes the Swift client's calls for the suite that all clients share.
    .executableTarget(
      name: "TallyClientWorker",
      dependencies: ["TallyClient", "TallyMessages", "TallyProtoJSON", "TallyLocking"],
      path: "Tests/TallyClientWorker", swiftSettings: strict),

    // What the tests of all rooms share.
    .target(name: "TallyTestSupport", path: "Tests/TallyTestSupport", swiftSettings: strict),

    // An engine of the whole product that keeps everything in memory, for tests.
    .target(
      name: "TallyMemoryEngine", dependencies: ["TallyCore", "TallyLocking", "TallyMeasuring"],
      path: "Tests/TallyMemoryEngine", swiftSettings: strict),

    // What the product must answer, executable, and the judge of histories by it.
    .target(
      name: "TallyModel", dependencies: ["TallyCore"], path: "Tests/TallyModel",
      // Long histories are judged in debug builds too.
      swiftSettings: strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]),

    // Load of all products for tests, and the program that makes it.
    .target(
      name: "TallyLoad", dependencies: ["TallyClient", "TallyMessages", "TallyLocking"],
      path: "Tests/TallyLoad", swiftSettings: strict),
    .executableTarget(
      name: "TallyLoadWorker", dependencies: ["TallyLoad", "TallyClient", "TallyLocking"],
      path: "Tests/TallyLoadWorker", swiftSettings: strict),

    // A disk that fails, for tests: it takes the place of the system's calls in their program, or in one that
    // preloads it.
    .target(
      name: "CTallyFaultyDisk", path: "Tests/CTallyFaultyDisk", cSettings: strictC,
      linkerSettings: [.linkedLibrary("dl")]),

    // Memory that is not given, for tests: it takes the place of SQLite's allocator and of malloc, likewise.
    .target(
      name: "CTallyFaultyMemory", dependencies: ["CTallyFaultyDisk", "CTallySQLite"],
      path: "Tests/CTallyFaultyMemory",
      cSettings: strictC),

    // Faults across processes, and the server with a fault built in that its canaries run against.
    .executableTarget(
      name: "TallyFaultyServer",
      dependencies: [
        "CTallyProcess", "TallyServer", "TallyCore", "TallySQLiteStore", "TTRPC", "TallyLocking", logging,
      ],
      path: "Tests/TallyFaultyServer", swiftSettings: strict),
    .testTarget(
      name: "FaultTests",
      dependencies: [
        "TallyTestSupport",
        "tally", "TallyFaultyServer", "TallyLoadWorker", "TallyLoad", "TallyModel", "CTallyLoadGenerator",
        "CTallyFaultyDisk", "CTallyProcess", "CTallyLinux", "TallyClient", "TTRPC", "TallyMessages",
        "TallyProtoJSON", "TallyServer", "TallyCore", "TallyLocking", crypto,
      ],
      swiftSettings: strict),
  ]
)

// MARK: - Parts

/// Leaves only these targets and what they are made of.
@MainActor func reduce(to names: [String]) {
  var kept = Set(names)
  var packages: Set<String> = []
  var waiting = names
  while let name = waiting.popLast() {
    for dependency in package.targets.first(where: { $0.name == name })?.dependencies ?? [] {
      switch dependency {
      case .byNameItem(let needed, _): if kept.insert(needed).inserted { waiting.append(needed) }
      case .productItem(_, let needed?, _, _): packages.insert(needed)
      default: break
      }
    }
  }
  package.targets.removeAll { !kept.contains($0.name) }
  if hasStandIn {
    package.targets.append(.target(name: "Crypto", path: "Tests/TallyFuzz/Crypto", swiftSettings: strict))
  }
  package.products.removeAll { product in
    guard let library = product as? Product.Library else { return true }
    return !kept.isSuperset(of: library.targets)
  }
  package.dependencies.removeAll { dependency in
    guard case .sourceControl(_, let location, _) = dependency.kind else { return false }
    return !packages.contains { location.hasSuffix("/\($0)") }
  }
}

if let suites { reduce(to: suites) }

/// What scripts/fuzz builds instead of all this, with TALLY_FUZZ=1: the rooms that take bytes from
/// strangers, of `tally` what reads its settings, and the fuzzer, all of them instrumented.
if isFuzzed {
  reduce(to: ["TallyServer", "TallySQLiteStore", "CTallyProcess"])
  package.targets += [
    .target(
      name: "tally", dependencies: ["CTallyProcess", "TallyProtoJSON"],
      sources: [
        "Settings", "Logging/LogFormat.swift", "Support/ExitStatus.swift", "Support/Failure.swift",
        "Support/SocketPath.swift", "System/System.swift",
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "TallyFuzz",
      dependencies: [
        "tally", "CTallyProcess", "TTRPC", "TallyMessages", "TallyProtoJSON", "TallyCore", "TallyServer",
        "TallySQLite",
        "TallySQLiteStore", "TallyLocking",
      ],
      path: "Tests/TallyFuzz", exclude: ["Corpus", "CorpusTests.swift", "Crypto"], swiftSettings: strict,
      linkerSettings: [.unsafeFlags(["-use-ld=lld", "-sanitize=fuzzer,address"])]),
  ]
  package.products = [.executable(name: "TallyFuzz", targets: ["TallyFuzz"])]
  for target in package.targets {
    if target.name.hasPrefix("CTally") {
      target.cSettings = (target.cSettings ?? []) + [.unsafeFlags(["-fsanitize=fuzzer-no-link,address"])]
    } else {
      target.swiftSettings =
        (target.swiftSettings ?? []) + [.unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing"])]
    }
  }
}
