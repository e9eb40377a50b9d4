import Foundation
import Overlay
import OverlayBuild
import Recipes
import Testing

struct BuilderTests {
  private func recipe(on stage: BuildStage) throws -> Recipe {
    try stage.shell("echo one >recipe/one; mkdir recipe/tree; echo a >recipe/tree/a; ln -s a recipe/tree/b")
    var recipe = stage.recipe()
    recipe.files = [
      stage.located(.init(.path(stage.scratch("recipe/one")), target: try OverlayPath("etc/one")), 3),
      stage.located(.init(.path(stage.scratch("recipe/tree")), target: try OverlayPath("lib/tree")), 4),
    ]
    recipe.links = [stage.located(.init(try OverlayPath("etc/two"), to: "one"), 6)]
    recipe.hooks = [stage.located("modprobe x", 8)]
    recipe.removals = [stage.located(try OverlayPath("etc/motd"), 9)]
    return recipe
  }

  @Test func `Files, links, hooks and removals come into the overlay, and into the base's directories`() throws {
    let stage = try BuildStage()
    try stage.build(try recipe(on: stage))
    let entries = try stage.entries()
    #expect(
      entries.mapValues { "\($0.kind) \(String($0.permissions, radix: 8))" } == [
        ".": "directory 755", "etc": "directory 755", "etc/one": "file 644", "etc/two": "symlink 777",
        "etc/motd": "whiteout 0", "opt": "directory 2775", "opt/rc.local.hooks": "file 755", "usr": "directory 755",
        "usr/lib": "directory 755", "usr/lib/tree": "directory 755", "usr/lib/tree/a": "file 644",
        "usr/lib/tree/b": "symlink 777",
      ])
    #expect(entries.values.allSatisfy { $0.owner == 0 && $0.modified == 0 })
  }

  @Test func `A second build has nothing to do, and says that the archive is unchanged`() throws {
    let stage = try BuildStage()
    let recipe = try recipe(on: stage)
    let first = try stage.build(recipe)
    #expect(!first.isUnchanged)
    let before = try FileManager.default.attributesOfItem(atPath: stage.output)[.systemFileNumber] as? Int
    let second = try stage.build(recipe)
    #expect(second.isUnchanged && second.sha256 == first.sha256)
    #expect(try FileManager.default.attributesOfItem(atPath: stage.output)[.systemFileNumber] as? Int == before)
  }

  @Test func `Only the steps run whose inputs are new`() throws {
    let stage = try BuildStage()
    let recipe = try recipe(on: stage)
    try stage.build(recipe)
    let said = Lines()
    var changed = recipe
    changed.hooks = [stage.located("modprobe y", 8)]
    try stage.build(changed, said: said)
    #expect(said.all.contains { $0.contains(":8: hooks") })
    #expect(said.all.contains { $0.hasSuffix(":3: files: from the cache") })
    #expect(!said.all.contains { $0.contains("files took") })
  }

  @Test func `Another time of a source and another directory change nothing`() throws {
    let (one, other) = (try BuildStage(), try BuildStage())
    let first = try one.build(try recipe(on: one))
    let recipe = try recipe(on: other)
    try other.shell("touch -d @1000000000 recipe/one recipe/tree/a; chmod 600 recipe/one")
    #expect(try other.build(recipe).sha256 == first.sha256)
  }

  @Test func `A source that changes makes another overlay, and the name of an output is replaced as a whole`() throws {
    let stage = try BuildStage()
    let recipe = try recipe(on: stage)
    let first = try stage.build(recipe)
    try stage.shell("echo two >recipe/one")
    #expect(try stage.build(recipe).sha256 != first.sha256)
    #expect(try stage.entries().count == 12)
  }

  @Test func `A build that fails leaves the old archive and nothing else`() throws {
    let stage = try BuildStage()
    let recipe = try recipe(on: stage)
    let first = try stage.build(recipe)
    var broken = recipe
    broken.removals = [stage.located(try OverlayPath("etc/none"), 9)]
    let error = #expect(throws: OverlayError.self) { try stage.build(broken) }
    #expect(
      error?.description.hasPrefix("\(stage.scratch("recipe/x.yaml")):9: there is nothing to remove") == true,
      "\(error?.description ?? "")")
    #expect(try stage.build(recipe).sha256 == first.sha256)
    let files = try FileManager.default.contentsOfDirectory(atPath: stage.scratch("cache"))
    #expect(files.sorted() == ["blobs", "layers", "results"])
  }

  @Test func `The required files come where the overlay has none of their names`() throws {
    let stage = try BuildStage()
    try stage.shell(
      """
      mkdir -p skel/etc skel/opt/monorail && echo skeleton >skel/etc/skeleton && echo other >skel/etc/one
      printf '#!/bin/sh\\n' >rc.local && echo agent >agent
      """)
    var options = BuildOptions(
      recipes: RecipeSet(try recipe(on: stage)), base: stage.base, output: stage.output, cache: stage.scratch("cache"))
    options.isForced = true
    options.required = RequiredFiles(
      skeleton: stage.scratch("skel"), rcLocal: stage.scratch("rc.local"), agent: stage.scratch("agent"))
    _ = try Builder(options).build(report: { _ in })
    let entries = try stage.entries()
    #expect(entries["etc/rc.local"]?.permissions == 0o755)
    #expect(entries["opt/monorail/monorail-agent"]?.permissions == 0o755)
    #expect(entries["etc/skeleton"]?.permissions == 0o644)
    #expect(entries["etc/one"]?.size == 4)
    #expect(entries["opt"]?.permissions == 0o2775)
  }

  @Test func `Without errors to be forced, an overlay that verify finds wrong is not written`() throws {
    let stage = try BuildStage()
    var recipe = stage.recipe()
    var script = Recipe.File(.text("#!/usr/bin/none\n"), target: try OverlayPath("usr/bin/script"))
    script.attributes.permissions = 0o755
    recipe.files = [stage.located(script)]
    let options = BuildOptions(
      recipes: RecipeSet(recipe), base: stage.base, output: stage.output, cache: stage.scratch("cache"))
    var findings: [Finding] = []
    #expect(try Builder(options).build(report: { findings = $0 }) == nil)
    #expect(findings.contains { $0.severity == .error && $0.kind == .interpreter })
    #expect(!FileManager.default.fileExists(atPath: stage.output))
  }

  @Test func `In a directory the archive gets its name by the convention`() throws {
    let stage = try BuildStage()
    var options = BuildOptions(
      recipes: RecipeSet(try recipe(on: stage)), base: stage.base, output: stage.scratch.path,
      cache: stage.scratch("cache"))
    options.isForced = true
    #expect(try Builder(options).build(report: { _ in })?.path == stage.output)
  }

  @Test(arguments: [
    "for file in cache/results/*/*; do printf X | dd of=$file bs=1 seek=40 conv=notrunc status=none; done",
    "rm -r cache/results; for file in cache/layers/*; do printf X | dd of=$file bs=1 seek=20 conv=notrunc status=none; done",
    "rm -r cache/results; for file in cache/layers/*; do truncate -s 10 $file; done",
    "rm -r cache/results; rm cache/layers/*.origins", "rm cache/results/*/sha256 cache/layers/*.sha256", "rm -r cache",
  ])
  func `A cache that was damaged is not used`(_ damage: String) throws {
    let stage = try BuildStage()
    let recipe = try recipe(on: stage)
    let first = try stage.build(recipe)
    let origins = try String(contentsOfFile: stage.output + ".origins.json", encoding: .utf8)
    try stage.shell("\(damage); rm x.overlay.cpio.gz*")
    #expect(try stage.build(recipe).sha256 == first.sha256)
    #expect(try String(contentsOfFile: stage.output + ".origins.json", encoding: .utf8) == origins)
  }

  @Test func `An output that cannot be written is said before anything is built`() throws {
    let stage = try BuildStage()
    let said = Lines()
    for (name, words) in [("none/x.cpio", "there is no directory"), ("fifo", "it is a device, a pipe or a socket")] {
      try stage.shell("[ -e fifo ] || mkfifo fifo")
      var options = BuildOptions(
        recipes: RecipeSet(try recipe(on: stage)), base: stage.base, output: stage.scratch(name),
        cache: stage.scratch("cache"))
      options.say = said.add
      let error = #expect(throws: OverlayError.self) { try Builder(options).build(report: { _ in }) }
      #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
      try stage.shell("rm -r recipe/*")
    }
    #expect(said.all == [])
  }
}
