import Foundation
import TestSupport

/// A directory in which a test builds the recipes of scripts/examples and runs the scripts there, with the program that was
/// built beside the tests. The recipes are copied into it, since a build writes a lock beside its recipe.
final class ExampleStage: Sendable {
  struct Result: Sendable {
    let code: Int32
    /// What the script printed to its standard output and standard error.
    let text: String
  }

  /// Whether this machine lets a test make a base image and mount it.
  static let isPossible = Namespaces.canMountImages

  static let examples = Repository.path("scripts/examples")

  private static let smallBase = Task { try await makeBase("small-base") }
  private static let smallBaseWithKernel = Task { try await makeBase("small-base --kernel") }

  private static func makeBase(_ command: String) async throws -> String {
    let stage = try withoutBase()
    return try await stage.succeed("\(examples)/\(command) 2>small-base.log || { cat small-base.log; exit 1; }")
      .trimmingCharacters(in: .newlines)
  }

  private let scratch: ScratchDirectory
  /// The base image: a small Debian, made once a month; empty for a stage without one.
  let base: String

  private init(base: String) throws {
    self.base = base
    scratch = try ScratchDirectory()
    try copyRecipes(to: "examples")
  }

  /// The recipes with their files, without what a person has put beside them or built there.
  private func copyRecipes(to name: String) throws {
    let manager = FileManager.default
    try manager.createDirectory(atPath: path(name), withIntermediateDirectories: true)
    for item in try manager.contentsOfDirectory(atPath: Self.examples) where Self.isRecipe(item) {
      try manager.copyItem(atPath: "\(Self.examples)/\(item)", toPath: path("\(name)/\(item)"))
    }
  }

  static func isRecipe(_ name: String) -> Bool { name.hasSuffix(".yaml") || name == "kernel-module" }

  convenience init() async throws { try self.init(base: try await Self.smallBase.value) }

  /// On a small Debian that also has a kernel with its modules.
  static func withKernel() async throws -> ExampleStage {
    try ExampleStage(base: try await smallBaseWithKernel.value)
  }

  static func withoutBase() throws -> ExampleStage { try ExampleStage(base: "") }

  var directory: String { scratch.path }

  func path(_ name: String) -> String { scratch(name) }

  /// Runs a shell script in the stage's directory. The examples are in its PATH, and `$base` is the base image.
  func run(_ script: String) async throws -> Result {
    let own = ProcessInfo.processInfo.environment
    let environment = [
      "PATH":
        "\(BuiltPrograms.directory):\(Self.examples):/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "HOME": own["HOME"] ?? "/root", "base": base,
    ].merging(own.filter { ["XDG_CACHE_HOME", "TMPDIR"].contains($0.key) }) { $1 }
    // A busy machine and a slow package archive are given this many seconds.
    let limit = 900
    let process = try ChildProcess(
      ["/usr/bin/timeout", "--kill-after=10", "\(limit)", "/bin/sh", "-euc", script], environment: environment,
      in: directory, errorsToOutput: true)
    let result = try await process.result(within: .seconds(limit + 20))
    return Result(code: result.code, text: result.output)
  }

  /// Runs a script that must succeed.
  @discardableResult
  func succeed(_ script: String) async throws -> String {
    let result = try await run(script)
    guard result.code == 0 else { throw Failure("\(script)\nended with \(result.code):\n\(result.text)") }
    return result.text
  }

  /// Builds a recipe with a cache of this stage's own. It must succeed, and verify must find no errors.
  ///
  /// - Parameters:
  ///   - recipe: `simple`.
  ///   - options: more words of the command line, as a shell reads them.
  /// - Returns: what the program said.
  @discardableResult
  func build(_ recipe: String, _ options: String = "", to archive: String = "x.overlay.cpio.gz") async throws -> String
  {
    try await succeed(command(recipe, options, to: archive))
  }

  /// The command line of `build`.
  func command(_ recipe: String, _ options: String = "", to archive: String = "x.overlay.cpio.gz") -> String {
    "monorail-overlay build examples/\(recipe).yaml --base \"$base\" --cache cache -o \(archive) \(options)"
  }

  /// Makes what recipes need and only its vendors may distribute.
  func makeStandIns() async throws {
    try await succeed("'\(Repository.path("Tests/NetbootTests/stand-ins"))' examples")
  }

  // MARK: What an archive has

  struct Entry: Decodable, Equatable {
    var path: String
    var type: String
    var mode: String
    var uid: Int
    var gid: Int
    var target: String?
  }

  /// The entries of an archive by path.
  func entries(_ archive: String) async throws -> [String: Entry] {
    let text = try await succeed("monorail-overlay list --json '\(archive)'")
    let entries = try JSONDecoder().decode([Entry].self, from: Data(text.utf8))
    return Dictionary(entries.map { ($0.path, $0) }) { $1 }
  }

  /// Runs a script in what a node has as its root: cpio unpacks the archive, and the kernel's overlayfs lays it over
  /// the base. Mounts, processes and a loopback network are in namespaces that end with the script.
  ///
  /// - Parameters:
  ///   - script: runs in the chroot.
  ///   - outside: a second script, which runs after the first one, outside of the chroot but in the same network, while
  ///     processes that the first one started still run.
  func onNode(_ archive: String, _ script: String, outside: String = ":") async throws -> Result {
    try script.write(toFile: path("on-node"), atomically: false, encoding: .utf8)
    try outside.write(toFile: path("outside"), atomically: false, encoding: .utf8)
    return try await run(
      """
      mkdir -p node
      exec unshare --mount --pid --net --uts --ipc --fork --kill-child sh -euc '
        mount -t tmpfs tmpfs node
        mkdir node/base node/upper node/work node/root
        mount -o ro,loop "$base" node/base
        gzip -dc "\(archive)" | (cd node/upper && cpio --quiet -idm)
        mount -t overlay -o lowerdir=node/base,upperdir=node/upper,workdir=node/work overlay node/root
        mount -t proc proc node/root/proc
        mount -t sysfs sysfs node/root/sys
        mount --rbind /dev node/root/dev
        mount -t tmpfs tmpfs node/root/run
        cp on-node node/root/run/on-node
        ip link set lo up
        chroot node/root /bin/sh -eu /run/on-node
        sh -eu outside
      '
      """)
  }
}
