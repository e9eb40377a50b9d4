import Foundation
import Overlay
import OverlayBuild
import Recipes
import TestSupport

/// A package archive on this machine's loopback, and builds of recipes with its packages on a small Debian.
final class PackageStage: Sendable {
  /// Whether this machine lets a test mount a base image.
  static let isPossible = Namespaces.canMountImages

  private static let bases = ["": Task { try await makeBase("") }, "--kernel": Task { try await makeBase("--kernel") }]

  /// The example's base image, made once a month.
  private static func makeBase(_ option: String) async throws -> String {
    let own = ProcessInfo.processInfo.environment
    let environment = ChildProcess.environment.merging(
      own.filter { ["HOME", "XDG_CACHE_HOME", "TMPDIR"].contains($0.key) }
    ) { $1 }
    let process = try ChildProcess(
      ["/bin/sh", "-euc", "\(Repository.path("scripts/examples/small-base")) \(option)"], environment: environment)
    let result = try await process.result(within: .seconds(900))
    guard result.code == 0 else { throw Failure("small-base: \(result.errors)") }
    return result.output.trimmingCharacters(in: .newlines)
  }

  let scratch: ScratchDirectory
  let base: String
  private let server: ChildProcess
  /// The line of an archive for apt's sources.list(5).
  let archive: String
  let url: String

  /// - Parameter option: of scripts/examples/small-base.
  init(_ option: String = "") async throws {
    scratch = try ScratchDirectory()
    base = try await Self.bases[option]?.value ?? ""
    try FileManager.default.createDirectory(atPath: scratch("archive"), withIntermediateDirectories: true)
    try FileManager.default.createDirectory(atPath: scratch("recipe"), withIntermediateDirectories: true)
    server = try ChildProcess(
      ["python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"], in: scratch("archive"))
    try await server.waitForOutput("http://")
    let port = server.output.firstMatch(of: /port ([0-9]+)/)?.output.1 ?? ""
    url = "http://127.0.0.1:\(port)/"
    archive = "deb [trusted=yes] \(url) ./"
  }

  /// The paths that the archive's server was asked for.
  var requests: [String] { server.errors.matches(of: /GET (\S+)/).map { String($0.output.1) } }

  @discardableResult
  func shell(_ script: String) async throws -> String {
    let process = try ChildProcess(["/bin/sh", "-euc", "cd \(scratch.path)\n\(script)"], errorsToOutput: true)
    let result = try await process.result()
    guard result.code == 0 else { throw Failure("\(script): \(result.output)") }
    return result.output
  }

  /// Makes a package with a program of its name, in a directory.
  ///
  /// - Parameters:
  ///   - fields: further lines of its control file: `Depends: other`.
  ///   - more: a script that adds files in the package's tree.
  func make(
    _ name: String, _ version: String = "1", _ fields: String = "", in directory: String = "archive",
    more: String = ":"
  ) async throws {
    try await shell(
      """
      umask 022
      mkdir -p package/DEBIAN package/usr/bin \(directory)
      echo 'echo \(name) \(version)' >package/usr/bin/\(name) && chmod 755 package/usr/bin/\(name)
      cat >package/DEBIAN/control <<'END'
      Package: \(name)
      Version: \(version)
      Architecture: all
      Maintainer: N. N. <n@example.org>
      Description: test
      \(fields)
      END
      sed -i '/^$/d' package/DEBIAN/control
      cd package
      \(more)
      cd ..
      dpkg-deb --root-owner-group --build package '\(directory)/\(name)_\(version)_all.deb' >/dev/null
      rm -r package
      """)
  }

  /// Makes the archive's index.
  func index() async throws { try await shell("cd archive && dpkg-scanpackages -m . >Packages 2>/dev/null") }

  func recipe(_ packages: [Recipe.Package], name: String = "x") -> Recipe {
    let file = scratch("recipe/\(name).yaml")
    var recipe = Recipe(file: file, path: file, name: Located("x", Place(file, line: 1)))
    recipe.archives = [Located(archive, Place(file, line: 2))]
    recipe.packages = packages.enumerated().map { Located($1, Place(file, line: $0 + 4)) }
    return recipe
  }

  /// Builds with this stage's cache, whatever `verify` says.
  ///
  /// - Returns: what is different in the lock.
  @discardableResult
  func build(
    _ recipe: Recipe, included: [Recipe] = [], mode: LockMode = .follow, cache: String = "cache",
    output: String = "x.overlay.cpio", said: Lines = Lines()
  ) async throws -> Builder.Summary {
    var recipe = recipe
    recipe.from = included.map { Located(.recipe($0.path), Place(recipe.file, line: 1)) }
    var options = BuildOptions(
      recipes: RecipeSet(recipe, included: included), base: base, output: scratch(output), cache: scratch(cache))
    (options.isForced, options.lockMode, options.epoch) = (true, mode, 1_700_000_000)
    options.say = said.add
    let built = options
    // A build makes a mount namespace of its own for its thread.
    return try await onThread { () -> Result<Builder.Summary, any Error> in
      Result {
        guard let summary = try Builder(built).build(report: { _ in }) else { throw Failure("nothing was written") }
        return summary
      }
    }.get()
  }

  /// What a build that must fail says.
  func failure(
    _ recipe: Recipe, included: [Recipe] = [], mode: LockMode = .follow, cache: String = "cache"
  ) async throws -> String {
    do {
      try await build(recipe, included: included, mode: mode, cache: cache)
    } catch let error as OverlayError {
      return error.description.replacing(scratch("recipe") + "/", with: "")
    }
    throw Failure("the build succeeded")
  }

  func entries() throws -> [String: Entry] {
    let index = try ArchiveIndex(scratch("x.overlay.cpio"))
    return Dictionary(index.entries.map { ("\($0.path)", $0) }) { $1 }
  }

  /// The contents of a file in the overlay.
  func text(_ path: String) async throws -> String {
    try await shell("cpio --quiet -i --to-stdout '\(path)' <x.overlay.cpio")
  }

  var lock: String { scratch.text(of: "recipe/x.lock") }
}
