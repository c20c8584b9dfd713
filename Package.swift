// swift-tools-version: 6.2
// SPDX-License-Identifier: GPL-3.0-or-later

import PackageDescription

/// Settings of every target of ours: Swift 6 mode, warnings are errors, explicit existential types.
let ours: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
]

/// Model targets meet through `public` declarations that the packet path calls millions of times a
/// second: without cross-module optimisation each call would go through an unspecialised entry.
let model: [SwiftSetting] =
  ours + [
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release))
  ]

let package = Package(
  name: "sim",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "sim", targets: ["sim"]),
    .library(
      name: "SimCore", targets: ["SimKernel", "SimRandom", "SimStatistics", "Simulation", "Scenario"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CGSL", pkgConfig: "gsl", providers: [.apt(["libgsl-dev"]), .brew(["gsl"])]),
    // A header without code of its own: prefetching.
    .systemLibrary(name: "CMemory"),
    // A header without code of its own: system calls for network namespaces.
    .systemLibrary(name: "CLinux"),
    // Generic and annotated @inlinable throughout; with -cross-module-optimization Swift 6.3.1 crashes on it.
    .target(name: "SimKernel", swiftSettings: ours),
    .target(name: "SimRandom", dependencies: ["CGSL", "SimKernel"], swiftSettings: model),
    .target(
      name: "SimStatistics",
      dependencies: [
        "CGSL", "SimKernel", .product(name: "Histogram", package: "hdrhistogram-swift"),
      ], swiftSettings: model),
    .target(name: "NetworkTypes", dependencies: ["SimKernel"], swiftSettings: model),
    .target(
      name: "Cluster",
      dependencies: [
        "SimKernel", "SimRandom", "NetworkTypes",
        .product(name: "OrderedCollections", package: "swift-collections"),
      ], swiftSettings: model),
    .target(
      name: "Proxy",
      dependencies: [
        "CMemory", "SimKernel", "SimRandom", "NetworkTypes", "Cluster",
        .product(name: "Crypto", package: "swift-crypto"),
      ], swiftSettings: model),
    .target(
      name: "Traffic", dependencies: ["SimKernel", "SimRandom", "NetworkTypes", "Cluster"],
      swiftSettings: model),
    .target(
      name: "Scenario",
      dependencies: [
        "SimKernel", "SimRandom", "NetworkTypes", "Cluster", "Proxy", "Traffic",
        .product(name: "Yams", package: "Yams"),
        .product(name: "OrderedCollections", package: "swift-collections"),
      ], swiftSettings: ours),
    .target(
      name: "Simulation",
      dependencies: [
        "SimKernel", "SimRandom", "SimStatistics", "NetworkTypes", "Cluster", "Proxy", "Traffic",
        "Scenario", .product(name: "Crypto", package: "swift-crypto"),
      ], swiftSettings: model),
    // Real network namespaces, sockets and rules on this machine's kernel.
    .target(
      name: "KernelLab", dependencies: ["CLinux", "SimKernel", "SimStatistics", "NetworkTypes"],
      swiftSettings: ours),
    // What `make lab` runs: sim's rules and verdicts against the kernel.
    .executableTarget(
      name: "simlab",
      dependencies: [
        "KernelLab", "Simulation", "Scenario", "Cluster", "Proxy", "SimKernel", "SimStatistics",
        "NetworkTypes",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: ours),
    // What `make coverage` runs: how often intervals and verdicts are right.
    .executableTarget(
      name: "simstudy",
      dependencies: [
        "Simulation", "Scenario", "SimKernel", "SimStatistics", "CGSL",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: ours),
    .executableTarget(
      name: "sim",
      dependencies: [
        "Simulation", "Scenario", "Cluster", "Proxy", "SimKernel", "SimStatistics", "NetworkTypes",
        "KernelLab",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: ours),
    .testTarget(name: "SimKernelTests", dependencies: ["SimKernel"], swiftSettings: ours),
    .testTarget(
      name: "SimRandomTests", dependencies: ["SimRandom", "SimKernel", "CGSL"], swiftSettings: ours),
    .testTarget(
      name: "SimStatisticsTests", dependencies: ["SimStatistics", "SimRandom", "SimKernel", "CGSL"],
      swiftSettings: ours),
    .testTarget(
      name: "ClusterTests", dependencies: ["Cluster", "SimKernel", "SimRandom", "NetworkTypes"],
      exclude: ["Golden"],
      swiftSettings: ours),
    .testTarget(
      name: "ProxyTests",
      dependencies: ["Proxy", "Cluster", "SimKernel", "SimRandom", "NetworkTypes", "Scenario"],
      exclude: ["Golden"], swiftSettings: ours),
    .testTarget(
      name: "TrafficTests", dependencies: ["Traffic", "NetworkTypes", "SimKernel", "SimRandom"],
      swiftSettings: ours),
    .testTarget(
      name: "ScenarioTests",
      dependencies: ["Scenario", "Cluster", "Traffic", "SimKernel", "SimRandom", "NetworkTypes"],
      exclude: ["Kubernetes/Golden"], swiftSettings: ours),
    .testTarget(
      name: "SimulationTests",
      dependencies: [
        "Simulation", "Scenario", "Cluster", "Proxy", "Traffic", "SimStatistics", "SimRandom", "SimKernel",
        "NetworkTypes",
      ],
      exclude: ["Golden", "Reports/Golden"], swiftSettings: ours),
    .testTarget(
      name: "KernelLabTests", dependencies: ["KernelLab", "SimStatistics", "NetworkTypes", "SimKernel"],
      swiftSettings: ours),
    .testTarget(name: "StyleTests", swiftSettings: ours),
  ]
)
