import Foundation
import Overlay
import OverlayBuild
import Recipes
import TestSupport
import Testing

/// Modules are built with the real headers of the base image's kernel, from the package archives of this machine.
@Suite(.serialized, .enabled(if: PackageStage.isPossible, "needs root and loop devices"), .timeLimit(.minutes(20)))
struct ModulesTests {
  private static let source = """
    #include <linux/init.h>
    #include <linux/module.h>
    static int __init hello_init(void) { pr_info("hello from %s\\n", __FILE__); return 0; }
    static void __exit hello_exit(void) {}
    module_init(hello_init);
    module_exit(hello_exit);
    MODULE_LICENSE("GPL");
    """

  private func recipe(_ stage: PackageStage, _ names: String...) throws -> Recipe {
    var recipe = stage.recipe([])
    recipe.archives = []
    for (index, name) in names.enumerated() {
      let directory = stage.scratch("recipe/\(name)")
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      try stage.scratch.write("obj-m := \(name).o\n", to: "recipe/\(name)/Makefile")
      try stage.scratch.write(Self.source, to: "recipe/\(name)/\(name).c")
      recipe.modules.append(Located(Recipe.Module(source: directory), Place(recipe.file, line: 7 + index)))
    }
    return recipe
  }

  @Test func `Modules are built for the base image's kernel, found by modprobe, and the same bytes everywhere`()
    async throws
  {
    let stage = try await PackageStage("--kernel")
    var recipe = try recipe(stage, "hello", "other")
    recipe.modules[1].value.isLoaded = false
    recipe.modules[1].value.place = "updates"
    let first = try await stage.build(recipe)
    let entries = try stage.entries()
    let hello = try #require(entries.keys.first { $0.hasSuffix("/extra/hello.ko") })
    #expect(entries[hello]?.permissions == 0o644 && entries.keys.contains { $0.hasSuffix("/updates/other.ko") })
    #expect(!entries.keys.contains { $0.contains("linux-headers") || $0.hasSuffix("bin/gcc") })
    #expect(try await stage.text("opt/rc.local.hooks") == "#!/bin/sh\nmodprobe hello\n")
    let list = try #require(entries.keys.first { $0.hasSuffix("/modules.dep") })
    #expect(try await stage.text(list).contains("extra/hello.ko:"))
    #expect(stage.lock.contains("\"key\": \"modules\"") && stage.lock.contains("\"name\": \"make\""))

    // Another part of the recipe: the layer is made anew, but nothing is compiled.
    recipe.modules[1].value.isLoaded = true
    let said = Lines()
    try await stage.build(recipe, said: said)
    #expect(!said.all.contains { $0.contains("building them") } && said.all.contains { $0.contains(": modules took") })
    recipe.modules[1].value.isLoaded = false

    // Another directory, another cache, files of another time, and what somebody else has built there before.
    let there = try await PackageStage("--kernel")
    var copy = try self.recipe(there, "hello", "other")
    copy.modules[1].value = recipe.modules[1].value
    copy.modules[1].value.source = there.scratch("recipe/other")
    try await there.shell(
      "cp \(stage.scratch("recipe/x.lock")) recipe; echo junk >recipe/hello/hello.o; chmod 600 recipe/hello/*")
    #expect(try await there.build(copy, mode: .locked).sha256 == first.sha256)

    // A mistake in the source.
    try stage.scratch.write("#include <linux/nothing.h>\n", to: "recipe/other/other.c")
    let errors = Lines()
    await #expect { try await stage.build(recipe, said: errors) } throws: { error in
      "\(error)".hasPrefix(
        "\(recipe.file):8: modules: \(stage.scratch("recipe/other")) cannot be built for the kernel ")
    }
    #expect(errors.all.contains { $0.contains("linux/nothing.h: No such file") })
    #expect(try Data(contentsOf: URL(filePath: first.path)).isEmpty == false)
  }

  @Test func `A base image without a kernel, and a source without a Makefile, are refused`() async throws {
    let stage = try await PackageStage()
    let recipe = try recipe(stage, "hello")
    #expect(try await stage.failure(recipe).hasSuffix("/lib/modules, for which others are built, but it has none"))
    let other = try await PackageStage("--kernel")
    let empty = try self.recipe(other, "hello")
    try await other.shell("rm recipe/hello/Makefile")
    #expect(try await other.failure(empty).contains("x.yaml:7: modules: hello has no Makefile "))
  }
}
