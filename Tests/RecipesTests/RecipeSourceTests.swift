import Foundation
import Overlay
import TestSupport
import Testing

@testable import Recipes

/// What files and directories that a recipe names must be, found without a build.
struct RecipeSourceTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let recipe: String
    /// Makes what the recipe names.
    let script: String
    let mistakes: [String]

    init(_ name: String, _ recipe: String, _ script: String, _ mistakes: String...) {
      (testDescription, self.recipe, self.script, self.mistakes) = (name, recipe, script, mistakes)
    }
  }

  private static let tree = "files:\n  - {source: tree, target: /x}"
  private static let module = "modules:\n  - m"

  static let cases = [
    Case(
      "a pipe and a socket", tree,
      "mkdir -p tree/a; mkfifo tree/a/pipe; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"tree/s\")'",
      "2: tree/a/pipe is a fifo, which a recipe does not copy; make it in \"commands\"",
      "2: tree/s is a socket, which a recipe does not copy"),
    Case(
      "a name that is no text", tree, "mkdir tree; : >\"$(printf 'tree/\\377')\"",
      "2: tree/\\377 has a name that is not UTF-8: rename it"),
    Case(
      "names that a terminal would obey", tree, "mkdir tree; mkfifo \"$(printf 'tree/\\033[31m\\nx')\"",
      "2: tree/\\033[31m\\012x is a fifo"),
    Case(
      "a large file", "files:\n  - {source: big, target: /x}", "truncate -s 4294967296 big",
      "2: big has 4294967296 bytes; a file in an overlay has less than 4 GiB"),
    Case(
      "a large file in a directory", tree, "mkdir tree; truncate -s 5G tree/big",
      "2: big has 5368709120 bytes; a file in a newc archive has less than 4 GiB"),
    Case("the largest file", "files:\n  - {source: big, target: /x}", "truncate -s 4294967295 big"),
    Case(
      "a pipe in a module's source", module, "mkdir m; echo 'obj-m := x.o' >m/Makefile; mkfifo m/pipe",
      "2: m/pipe is a fifo, which is no part of a module's source: remove it"),
    Case(
      "links and directories in both", "\(tree)\n\(module)",
      "mkdir -p tree/a m/b; ln -s a tree/l; ln -s b m/l; : >m/Kbuild"),
    Case(
      "an empty .deb", "packages:\n  - deb: x.deb", ": >x.deb",
      "2: \"x.deb\" is no Debian package: it does not begin as"),
    Case(
      "another archive", "packages:\n  - deb: x.deb", "printf '!<arch>\\nx.o/            ' >x.deb",
      "2: \"x.deb\" is no Debian package"),
    Case("a .deb", "packages:\n  - deb: x.deb", "printf '!<arch>\\ndebian-binary   ' >x.deb"),
  ]

  @Test(arguments: cases) func `What cannot be used is found in the check, with its line`(_ one: Case) throws {
    let stage = try RecipeStage(one.recipe)
    let run = try ChildProcess.run(["/bin/sh", "-euc", one.script], in: stage.directory)
    try #require(run.code == 0, "\(run.errors)")
    let found = stage.mistakes()
    #expect(found.count == one.mistakes.count, "\(found)")
    for (found, expected) in zip(found, one.mistakes) { #expect(found.hasPrefix("a.yaml:\(expected)"), "\(found)") }
  }

  @Test(.enabled(if: geteuid() == 0, "only root can make a device"))
  func `Devices are no part of a recipe`() throws {
    let stage = try RecipeStage(Self.tree)
    try FileManager.default.createDirectory(atPath: stage("tree"), withIntermediateDirectories: true)
    try #require(mknod(stage("tree/null"), S_IFCHR | 0o666, 1 << 8 | 3) == 0)
    #expect(stage.mistakes().first?.hasPrefix("a.yaml:2: tree/null is a character device, which a recipe") == true)
  }

  @Test func `A directory that is named many times is looked at once`() throws {
    let entries = (0..<50).map { "  - {source: tree, target: /x\($0)}" }.joined(separator: "\n")
    let stage = try RecipeStage("files:\n\(entries)")
    let run = try ChildProcess.run(["/bin/sh", "-euc", "mkdir tree; mkfifo tree/pipe"], in: stage.directory)
    try #require(run.code == 0, "\(run.errors)")
    #expect(stage.mistakes().count == 1)
  }

  @Test func `A recipe's name cannot steer a terminal`() throws {
    let stage = try RecipeStage()
    try stage.write("fils: []", to: "a\nb\u{1B}[31m.yaml")
    #expect(stage.mistakes("a\nb\u{1B}[31m.yaml").first?.hasPrefix("a\\012b\\033[31m.yaml:1: ") == true)
  }
}
