// swift-tools-version: 6.2
// SPDX-License-Identifier: GPL-3.0-or-later

import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6), .treatAllWarnings(as: .error),
  .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

let package = Package(
  name: "Benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "sim", path: "..")
  ],
  targets: [
    .systemLibrary(name: "CStockGSL", pkgConfig: "gsl"),
    .executableTarget(
      name: "floor-compare", dependencies: ["CStockGSL", .product(name: "SimCore", package: "sim")],
      swiftSettings: settings),
  ]
)
