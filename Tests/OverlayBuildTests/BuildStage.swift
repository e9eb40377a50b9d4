import Foundation
import Overlay
import OverlayBuild
import Recipes
import Synchronization
import TestSupport

/// A small base image and a directory with recipes, for builds in this process. They need no root.
final class BuildStage {
  let scratch: ScratchDirectory
  var base: String { scratch("base.img") }
  var output: String { scratch("x.overlay.cpio.gz") }

  init() throws {
    scratch = try ScratchDirectory()
    try shell(
      """
      mkdir -p base/bin base/etc base/usr/lib base/opt recipe && ln -s usr/lib base/lib
      : >base/bin/sh && chmod 755 base/bin/sh
      echo base >base/etc/motd && chmod 2775 base/opt
      mksquashfs base base.img -quiet -no-progress -all-root >/dev/null
      """)
  }

  func shell(_ script: String) throws {
    let run = try ChildProcess.run(["/bin/sh", "-euc", "cd \(scratch.path)\n\(script)"])
    guard run.end == .exited(0) else { throw Failure("\(script): \(run.errors)") }
  }

  func recipe() -> Recipe {
    let file = scratch("recipe/x.yaml")
    return Recipe(file: file, path: file, name: Located("x", Place(file, line: 1)))
  }

  func located<Value>(_ value: Value, _ line: Int = 1) -> Located<Value> {
    Located(value, Place(scratch("recipe/x.yaml"), line: line))
  }

  /// Builds, whatever `verify` says.
  @discardableResult
  func build(
    _ recipe: Recipe, included: [Recipe] = [], mode: LockMode = .follow, said: Lines = Lines()
  ) throws -> Builder.Summary {
    var options = BuildOptions(
      recipes: RecipeSet(recipe, included: included), base: base, output: output, cache: scratch("cache"))
    options.isForced = true
    options.lockMode = mode
    options.epoch = 1_700_000_000
    options.say = said.add
    guard let summary = try Builder(options).build(report: { _ in }) else { throw Failure("nothing was written") }
    return summary
  }

  func entries() throws -> [String: Entry] {
    let index = try ArchiveIndex(output)
    return Dictionary(index.entries.map { ("\($0.path)", $0) }) { $1 }
  }
}

/// What a build says, line by line.
final class Lines: Sendable {
  private let lines = Mutex<[String]>([])
  var all: [String] { lines.withLock { $0 } }

  @Sendable func add(_ line: String) { lines.withLock { $0.append(line) } }
}
