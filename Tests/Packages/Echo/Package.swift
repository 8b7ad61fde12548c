// swift-tools-version: 6.2
// The example of docs/TTRPC.md: a program of somebody else's that serves and calls a service by the library
// TTRPC.

import PackageDescription

let package = Package(
  name: "echo",
  dependencies: [
    .package(name: "tallystick", path: "../../..", traits: []),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.30.0"),
  ],
  targets: [
    .executableTarget(
      name: "Echo",
      dependencies: [
        .product(name: "TTRPC", package: "tallystick"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    .testTarget(name: "EchoTests", dependencies: ["Echo"]),
  ]
)
