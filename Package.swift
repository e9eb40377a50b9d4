// swift-tools-version: 6.2
import PackageDescription

// CI turns every warning of this package's own code into an error.
let strict: [SwiftSetting] = Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)]

// What the agent links does without the regular expressions of the standard library, which would make it a tenth larger.
let lean = strict + [.unsafeFlags(["-Xfrontend", "-disable-implicit-string-processing-module-import"])]

// `scripts/build-agent` names the git revision; a development build says so.
let revision = Context.environment["MONORAIL_REVISION"] ?? "development"

let log = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
  name: "monorail-node",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "monorail-agent", targets: ["monorail-agent"]),
    .executable(name: "monorail-mock", targets: ["monorail-mock"]),
    .executable(name: "monorail-overlay", targets: ["monorail-overlay"]),
  ],
  dependencies: [
    .package(url: "https://github.com/groue/GRDB.swift.git", exact: "7.10.0"),
    .package(url: "https://github.com/apple/swift-log.git", exact: "1.16.2", traits: []),
    .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2"),
    .package(url: "https://github.com/hummingbird-project/hummingbird.git", exact: "2.28.1"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache.git", exact: "2.1.1"),
    .package(url: "https://github.com/apple/swift-nio.git", exact: "2.101.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", exact: "2.13.0"),
  ],
  targets: [
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CJSONC", pkgConfig: "json-c", providers: [.apt(["libjson-c-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
    .systemLibrary(name: "CDeflate", pkgConfig: "libdeflate", providers: [.apt(["libdeflate-dev"])]),
    .systemLibrary(name: "CELF", pkgConfig: "libelf", providers: [.apt(["libelf-dev"])]),
    .systemLibrary(name: "CLZMA", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .target(name: "CLinux", cSettings: [.define("MONORAIL_REVISION", to: "\"\(revision)\"")]),

    .target(name: "SystemFiles", dependencies: ["CLinux"], swiftSettings: lean),
    .target(name: "Digests", dependencies: ["COpenSSL"], swiftSettings: lean),
    .target(name: "JSONDocument", dependencies: ["CJSONC"], swiftSettings: lean),
    .target(name: "HTTPTransport", dependencies: ["CCurl", "Digests", "SystemFiles"], swiftSettings: lean),
    .target(name: "MonorailProtocol", dependencies: ["JSONDocument"], swiftSettings: lean),
    .target(name: "Workflows", dependencies: ["JSONDocument"], swiftSettings: strict),
    .target(
      name: "NodeAgent",
      dependencies: ["CLinux", "Digests", "HTTPTransport", "JSONDocument", "MonorailProtocol", "SystemFiles"],
      swiftSettings: lean),
    .executableTarget(name: "monorail-agent", dependencies: ["NodeAgent"], swiftSettings: lean),

    .target(
      name: "Overlay",
      dependencies: ["CArchive", "CDeflate", "CELF", "CLZMA", "CZlib", "CZstd", "CLinux", "Digests", "SystemFiles"],
      swiftSettings: strict),
    .target(name: "CWorkspace"),
    .target(
      name: "OverlayWorkspace", dependencies: ["CLinux", "CWorkspace", "Overlay", "SystemFiles"], swiftSettings: strict),
    .target(name: "Recipes", dependencies: ["CYAML", "Overlay", "SystemFiles"], swiftSettings: strict),
    .target(
      name: "OverlayBuild",
      dependencies: [
        "Digests", "HTTPTransport", "JSONDocument", "Overlay", "OverlayWorkspace", "Recipes", "SystemFiles",
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "monorail-overlay",
      dependencies: [
        "JSONDocument", "Overlay", "OverlayBuild", "OverlayWorkspace", "Recipes",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    .target(name: "Catalogs", dependencies: ["JSONDocument"], swiftSettings: strict),
    .target(name: "CSpawn"),
    .target(
      name: "MonorailStore",
      dependencies: [
        "CZstd", "Catalogs", "JSONDocument", "SystemFiles", "Workflows",
        .product(name: "GRDB", package: "GRDB.swift"),
      ],
      swiftSettings: strict),
    .target(
      name: "MonorailServer",
      dependencies: [
        "CJSONC", "CLinux", "CSpawn", "Catalogs", "Digests", "JSONDocument", "MonorailProtocol", "MonorailStore",
        "Workflows", log,
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HummingbirdTLS", package: "hummingbird"),
        .product(name: "Mustache", package: "swift-mustache"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      swiftSettings: strict),
    .target(
      name: "Faults",
      dependencies: [
        "JSONDocument", .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "NIOCore", package: "swift-nio"),
      ],
      swiftSettings: strict),
    .target(
      name: "MockMonorail",
      dependencies: [
        "Faults", "JSONDocument", "MonorailProtocol", "MonorailServer", "MonorailStore",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "NIOCore", package: "swift-nio"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "monorail-mock",
      dependencies: [
        "Catalogs", "MockMonorail", "MonorailProtocol", "MonorailStore", "JSONDocument", "Workflows", log,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      swiftSettings: strict),

    // What scripts/bench measures the server against. Nothing installs it.
    .executableTarget(
      name: "constant-server", dependencies: [.product(name: "Hummingbird", package: "hummingbird"), log],
      path: "scripts/bench.d/constant-server", swiftSettings: strict),

    .target(name: "CTestSupport", path: "Tests/CTestSupport"),
    .target(
      name: "TestSupport", dependencies: ["CTestSupport"], path: "Tests/TestSupport", swiftSettings: strict),
    .testTarget(
      name: "IntegrationTests",
      dependencies: ["Digests", "JSONDocument", "MockMonorail", "MonorailProtocol", "TestSupport", "monorail-mock"],
      swiftSettings: strict),
    .testTarget(name: "HTTPTransportTests", dependencies: ["HTTPTransport"], swiftSettings: strict),
    .testTarget(
      name: "NodeAgentTests", dependencies: ["JSONDocument", "MonorailProtocol", "NodeAgent", "TestSupport"],
      swiftSettings: strict),
    .testTarget(name: "JSONDocumentTests", dependencies: ["JSONDocument"], swiftSettings: strict),
    .testTarget(
      name: "MockMonorailTests",
      dependencies: [
        "Digests", "JSONDocument", "MockMonorail", "MonorailProtocol", "TestSupport", "Workflows", "monorail-mock",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "MonorailServerTests",
      dependencies: ["JSONDocument", "MonorailServer", "MonorailStore", "TestSupport", "Workflows"],
      swiftSettings: strict),
    .testTarget(
      name: "MonorailProtocolTests", dependencies: ["JSONDocument", "MonorailProtocol"], swiftSettings: strict),
    .testTarget(name: "OverlayTests", dependencies: ["Digests", "Overlay", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "OverlayToolTests",
      dependencies: ["Digests", "JSONDocument", "Overlay", "TestSupport", "monorail-overlay"], swiftSettings: strict),
    .testTarget(
      name: "OverlayWorkspaceTests", dependencies: ["Overlay", "OverlayWorkspace", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "RecipesTests", dependencies: ["Overlay", "Recipes", "SystemFiles", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "OverlayBuildTests",
      dependencies: ["JSONDocument", "Overlay", "OverlayBuild", "Recipes", "TestSupport", "monorail-overlay"],
      swiftSettings: strict),
    .testTarget(
      name: "WorkflowsTests", dependencies: ["JSONDocument", "TestSupport", "Workflows", "monorail-mock"],
      swiftSettings: strict),
    .testTarget(
      name: "CatalogsTests", dependencies: ["Catalogs", "JSONDocument", "TestSupport", "monorail-mock"],
      exclude: ["Fixtures"], swiftSettings: strict),
    .testTarget(
      name: "MonorailStoreTests",
      dependencies: [
        "JSONDocument", "MonorailStore", "TestSupport", "Workflows", .product(name: "GRDB", package: "GRDB.swift"),
      ],
      swiftSettings: strict),
    .testTarget(name: "BootScriptTests", dependencies: ["TestSupport"], swiftSettings: strict),
    .testTarget(name: "RcLocalTests", dependencies: ["TestSupport"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
