import Foundation
import TestSupport
import Testing

@testable import Recipes

/// Recipes that were made to do harm, or to keep the program busy: each ends with the line of what is wrong.
struct HostileRecipeTests {
  /// A billion of texts, or more, in less than a page.
  private static let laughs = (1...30).map {
    "  l\($0): &l\($0) [\(Array(repeating: "*l\($0 - 1)", count: 9).joined(separator: ","))]"
  }

  @Test(arguments: [
    "variables:\n  l0: &l0 x\n" + laughs.joined(separator: "\n"),
    // As keys, which are compared.
    "? &a [x]\n: 1\n? &b {? *a : *a, ? [*a] : *a}\n: 2\n",
    "hooks:\u{85}  - &a x\n  - *a\n",
    "hooks: [&a x,*a]\n",
    "files: &files\n  - *files\n",
  ]) func `Anchors and aliases are refused before anything follows them`(recipe: String) throws {
    let found = try RecipeStage(recipe).mistakes()
    #expect(found.count == 1)
    #expect(found.first?.contains(/^a.yaml:[12]: (anchors|a key is text)/) == true, "\(found)")
  }

  struct Deep: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let recipe: String

    init(_ name: String, _ recipe: String) { (testDescription, self.recipe) = (name, recipe) }
  }

  static let deep = [
    Deep("lists", String(repeating: "[", count: 1000)),
    Deep("half a million of lists", String(repeating: "[", count: 500_000)),
    Deep("maps", String(repeating: "{a: ", count: 1000)),
    Deep("keys", String(repeating: "{", count: 1000)),
    Deep("keys in blocks", String(repeating: "? ", count: 400_000)),
    Deep("dashes", String(repeating: "- ", count: 400_000)),
    Deep("lists that are closed", String(repeating: "[", count: 33) + String(repeating: "]", count: 33)),
  ]

  @Test(arguments: deep) func `Lists and maps in each other have a limit`(_ one: Deep) throws {
    let found = try RecipeStage(one.recipe).mistakes()
    #expect(found.count == 1)
    #expect(
      found.first?.contains(/^a.yaml:1: (more than 32 lists and maps stand in each other|a key is text)/) == true,
      "\(found)")
  }

  @Test func `Thirty-two levels are read`() throws {
    let lists = String(repeating: "[", count: 31) + String(repeating: "]", count: 31)
    #expect(
      try RecipeStage("packages: \(lists)").mistakes().first?.contains("an entry of \"packages\" is a list") == true)
  }

  @Test func `Of 10,000 packages, the first that is too much is named`() throws {
    let packages = (1...10_000).map { "  - package\($0)" }.joined(separator: "\n")
    let found = try RecipeStage("packages:\n\(packages)").mistakes()
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix("a.yaml:1002: this is package 1001 of the list") == true, "\(found)")
    let allowed = (1...1000).map { "  - package\($0)" }.joined(separator: "\n")
    #expect(try RecipeStage("packages:\n\(allowed)").mistakes().isEmpty)
  }

  @Test func `Of 100,000 keys, the first that is too much is named`() throws {
    let keys = (1...100_000).map { "k\($0): v\n" }.joined()
    let found = try RecipeStage(keys).mistakes()
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix("a.yaml:25000: the recipe has more than 50000 values") == true, "\(found)")
  }

  @Test func `Of 20,000 mistakes, 50 are printed`() throws {
    let stage = try RecipeStage((1...20_000).map { "k\($0): v\n" }.joined())
    #expect(stage.mistakes().count == 1000)
    do throws(Mistakes) { _ = try stage.load() } catch {
      #expect(error.description.split(separator: "\n").count == 51)
      #expect(error.description.hasSuffix("\nand 950 more"))
    }
  }

  @Test func `A recipe of more than 1 MiB is not read`() throws {
    let line = "# " + String(repeating: "x", count: 1021) + "\n"
    let found = try RecipeStage(String(repeating: line, count: 1024) + "name: x").mistakes()
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix("a.yaml:1025: ") == true)
    #expect(found.first?.contains("is longer than 1048576 bytes") == true)
  }

  @Test(arguments: ["pipe", "directory", "device", "dangling", "missing"])
  func `What is no file is not opened as a recipe`(kind: String) throws {
    let stage = try RecipeStage("from: [pipe.yaml, directory.yaml, device.yaml, dangling.yaml, missing.yaml]")
    stage.permissions.paths = ["/dev/zero"]
    #expect(mkfifo(stage("pipe.yaml"), 0o600) == 0)
    #expect(mkdir(stage("directory.yaml"), 0o700) == 0)
    #expect(symlink("/dev/zero", stage("device.yaml")) == 0)
    #expect(symlink("nowhere", stage("dangling.yaml")) == 0)
    let found = stage.mistakes("\(kind).yaml")
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix("\(kind).yaml:1: ") == true, "\(found)")
    #expect(stage.mistakes().count == 5)
  }

  @Test(arguments: ["pipe", "device", "socket"]) func `What is no file is not opened as a source`(kind: String) throws {
    let stage = try RecipeStage("files:\n  - source: \(kind)\n    target: /x\n    template: true")
    stage.permissions.paths = ["/dev/zero"]
    #expect(mkfifo(stage("pipe"), 0o600) == 0)
    #expect(symlink("/dev/zero", stage("device")) == 0)
    #expect(mknod(stage("socket"), S_IFSOCK | 0o600, 0) == 0)
    let found = stage.mistakes()
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix("a.yaml:2: \"\(kind)\" is a ") == true, "\(found)")
  }

  @Test func `Text that is not UTF-8 is refused with its line`() throws {
    let stage = try RecipeStage()
    try Data([UInt8]("name: x\nhooks: ".utf8) + [0xFF, 0xFE, 0x0A]).write(to: URL(filePath: stage("a.yaml")))
    #expect(stage.mistakes() == ["a.yaml:2: the text is not UTF-8"])
    try Data("name: x".data(using: .utf16) ?? Data()).write(to: URL(filePath: stage("a.yaml")))
    #expect(stage.mistakes() == ["a.yaml:1: the text is not UTF-8"])
  }

  @Test func `A template of nothing but braces ends`() throws {
    let braces = String(repeating: "{", count: 1 << 20)
    let stage = try RecipeStage("files: [{source: t, target: /x, template: true}]", files: ["t": braces])
    #expect(stage.mistakes().count == 1)
    try stage.write(String(repeating: "{{x}}\n", count: 150_000), to: "t")
    #expect(stage.mistakes().count == 100)
    try stage.write(String(repeating: "{ ", count: 500_000), to: "t")
    #expect(stage.mistakes().isEmpty)
  }

  @Test func `Variables in templates cannot make a text of any length`() throws {
    let value = String(repeating: "x", count: 500_000)
    let stage = try RecipeStage(
      "variables: {x: \(value)}\nfiles: [{source: t, target: /x, template: true}]",
      files: ["t": "1\n" + String(repeating: "{{x}}", count: 200_000)])
    #expect(stage.mistakes() == ["t:2: with its variables filled in, the text is longer than 16777216 bytes"])
    // Each template is short enough, but not all of them.
    try stage.write(String(repeating: "x", count: 1 << 20), to: "t")
    try stage.write(
      "files:\n" + (1...5000).map { "  - {source: t, target: /\($0), template: true}\n" }.joined(), to: "a.yaml")
    #expect(stage.mistakes() == ["t:1: this template and those before it are longer than 67108864 bytes together"])
  }

  @Test(arguments: ["", "{}\n...\n", "\u{FEFF}"]) func `Directives of YAML do not keep the parser busy`(start: String)
    throws
  {
    let directives = (1...70_000).map { "%TAG !\(String($0, radix: 36))! b\n" }.joined()
    let found = try RecipeStage(start + directives).mistakes()
    #expect(
      found == [
        "a.yaml:\(start.hasPrefix("{") ? 3 : 1): \"%TAG\" begins a directive of YAML, and these are not taken in a recipe"
      ])
  }

  @Test func `Thousands of unknown variables end`() throws {
    let variables = (1...20_000).map { "  v\($0): x\n" }.joined()
    let files = (1...200).map { "  - {source: t, target: /\($0), template: true}\n" }.joined()
    let stage = try RecipeStage(
      "variables:\n\(variables)files:\n\(files)", files: ["t": String(repeating: "{{w}}\n", count: 100_000)])
    #expect(stage.mistakes().count == 1000)
  }

  @Test func `Targets of thousands of directories end`() throws {
    let path = String(repeating: "/a", count: 2000)
    let files = (1...200).map { "  - {content: x, target: \(path)/\($0)}\n" }.joined()
    #expect(try RecipeStage("files:\n\(files)").mistakes().isEmpty)
  }
}
