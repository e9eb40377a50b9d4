import Foundation
import TestSupport
import Testing

@testable import Recipes

/// What a recipe can reach of this machine.
struct RecipeConfinementTests {
  /// A recipe in a directory of its own, beside a file that is none of its business.
  private static func stage(_ source: String) throws -> RecipeStage {
    let stage = try RecipeStage()
    try stage.write("secret", to: "secret")
    try stage.write("x", to: "r/in/file")
    try stage.write("files:\n  - source: \(source)\n    target: /x\n", to: "r/a.yaml")
    #expect(symlink("../secret", stage("r/link")) == 0)
    #expect(symlink("..", stage("r/up")) == 0)
    #expect(symlink("in/file", stage("r/inner")) == 0)
    return stage
  }

  @Test(arguments: [
    (
      "../secret",
      "\"../secret\" leads out of the recipe's directory; move it there, or allow it with --allow DIR/secret"
    ),
    (
      "../nothing",
      "\"../nothing\" leads out of the recipe's directory; move it there, or allow it with --allow DIR/nothing"
    ),
    ("in/../../secret", "\"in/../../secret\" leads out of the recipe's directory"),
    ("/etc/passwd", "\"/etc/passwd\" is an absolute path, and paths of a recipe are relative to its directory"),
    ("link", "\"link\" leads to DIR/secret through a symlink, out of the recipe's directory"),
    ("up/secret", "\"up/secret\" leads to DIR/secret through a symlink"),
    ("up", "\"up\" leads to DIR through a symlink"),
    ("in/missing", "there is no file \"in/missing\" in the recipe's directory, DIR/r"),
  ]) func `What is outside is refused with its line, and with what allows it`(source: String, message: String) throws {
    let stage = try Self.stage(source)
    do throws(Mistakes) {
      _ = try stage.load("r/a.yaml")
      Issue.record("it was read")
    } catch {
      #expect(error.list.count == 1)
      let found = error.description.replacingOccurrences(of: stage.directory, with: "DIR")
      #expect(found.hasPrefix("DIR/r/a.yaml:2: \(message)"), "\(found)")
    }
  }

  @Test(arguments: ["../secret", "link", "up/secret"]) func `What is allowed by name is read`(source: String) throws {
    let stage = try Self.stage(source)
    stage.permissions.paths = [stage("secret")]
    #expect(try stage.load("r/a.yaml").built.files.first?.value.origin == .path(stage("secret")))
    stage.permissions.paths = [stage("")]
    #expect(stage.mistakes("r/a.yaml").isEmpty)
    stage.permissions.paths = [stage("secre")]
    #expect(stage.mistakes("r/a.yaml").count == 2, "of which one says that there is no such file to allow")
  }

  @Test func `An absolute path is read when it is allowed, also through a symlink`() throws {
    let stage = try Self.stage("DIR")
    let recipe = "files:\n  - source: \(stage("way/secret"))\n    target: /x\n"
    try stage.write(recipe, to: "r/a.yaml")
    #expect(symlink(".", stage("way")) == 0)
    stage.permissions.paths = [stage("way/secret")]
    #expect(try stage.load("r/a.yaml").built.files.first?.value.origin == .path(stage("secret")))
  }

  @Test(arguments: ["in/file", "./in//file", "in/../in/file", "inner"])
  func `What is inside is read, behind symlinks too`(source: String) throws {
    let stage = try Self.stage(source)
    #expect(try stage.load("r/a.yaml").built.files.first?.value.origin == .path(stage("r/in/file")))
  }

  @Test(arguments: [
    "from: [../a.yaml]", "from: [../secret]", "packages: [{deb: ../secret}]", "modules: [..]",
    "files: [{source: ../secret, target: /x, template: true}]",
  ]) func `Each key that names files is confined`(recipe: String) throws {
    let stage = try Self.stage("x")
    try stage.write(recipe, to: "r/a.yaml")
    let found = stage.mistakes("r/a.yaml")
    #expect(found.count == 1)
    #expect(found.first?.contains("leads out of the recipe's directory") == true, "\(found)")
  }

  @Test func `A recipe that another names is confined to its own directory`() throws {
    let stage = try RecipeStage("from: [sub/b.yaml]", files: ["x": "x"])
    try stage.write("files:\n  - {source: ../x, target: /x}", to: "sub/b.yaml")
    #expect(stage.mistakes().first?.hasPrefix("sub/b.yaml:2: \"../x\" leads out of the recipe's directory") == true)
    stage.permissions.paths = [stage("x")]
    #expect(stage.mistakes().isEmpty)
  }

  @Test func `A recipe that is a symlink belongs to the directory that it leads to`() throws {
    let stage = try RecipeStage()
    try stage.write("files: [{source: f, target: /x}]", to: "real/a.yaml")
    try stage.write("", to: "real/f")
    #expect(symlink("real/a.yaml", stage("b.yaml")) == 0)
    let recipe = try stage.load("b.yaml").built
    #expect(recipe.directory == stage("real"))
    #expect(recipe.file == stage("b.yaml"))
  }
}
