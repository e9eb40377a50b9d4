import Foundation
import TestSupport
import Testing

@testable import Recipes

/// Recipes that name others.
struct RecipeSetTests {
  @Test func `Recipes come once, each before the first that names it`() throws {
    let stage = try RecipeStage(
      "from: [b.yaml, x.cpio.gz, sub/c.yml]",
      files: ["b.yaml": "from: [sub/d.yaml]", "sub/c.yml": "from: [d.yaml]", "sub/d.yaml": "{}", "x.cpio.gz": ""])
    let set = try stage.load()
    #expect(set.recipes.map(\.file) == ["sub/d.yaml", "b.yaml", "sub/c.yml", "a.yaml"].map { stage($0) })
    #expect(set.recipes.map(\.directory) == [stage("sub"), stage(""), stage("sub"), stage("")].map { $0.trimmed })
    #expect(set.recipes.map(\.name.value) == ["d", "b", "c", "a"])
  }

  @Test func `A recipe that contains itself is refused, with the way`() throws {
    let stage = try RecipeStage("name: x\nfrom: [b.yaml]", files: ["b.yaml": "from:\n  - ./sub/../a.yaml"])
    #expect(mkdir(stage("sub"), 0o700) == 0)
    #expect(
      stage.mistakes() == [
        "b.yaml:2: a recipe cannot contain itself: a.yaml, which names b.yaml, which names a.yaml again"
      ])
    try stage.write("from: [a.yaml]", to: "a.yaml")
    #expect(stage.mistakes() == ["a.yaml:1: a recipe cannot contain itself: a.yaml, which names a.yaml again"])
  }

  @Test func `Mistakes of all recipes are found at once`() throws {
    let stage = try RecipeStage(
      "from: [b.yaml, c.yaml]\nfoo: 1", files: ["b.yaml": "\nbar: 1", "c.yaml": "name: [", "d.yaml": "{}"])
    let found = stage.mistakes()
    #expect(found.count == 3)
    for (found, place) in zip(found, ["a.yaml:2: ", "b.yaml:2: ", "c.yaml:2: "]) { #expect(found.hasPrefix(place)) }
  }

  @Test func `A row of recipes has a limit`() throws {
    let stage = try RecipeStage("from: [r1.yaml]")
    for number in 1...40 { try stage.write("\nfrom: [r\(number + 1).yaml]", to: "r\(number).yaml") }
    #expect(stage.mistakes() == ["r31.yaml:2: more than 32 recipes name each other in a row"])
  }

  @Test func `The number of recipes has a limit`() throws {
    let stage = try RecipeStage("from:\n" + (1...120).map { "  - r\($0).yaml\n" }.joined())
    for number in 1...120 { try stage.write("{}", to: "r\(number).yaml") }
    #expect(stage.mistakes() == ["a.yaml:101: one build has at most 100 recipes; put some of them together"])
  }

  @Test func `Outer values win over those of included recipes, and those of the command line over all`() throws {
    let text = "{{a}} {{b}} {{c}} {{d}}"
    let stage = try RecipeStage(
      "from: [b.yaml]\nvariables: {a: outer, b: outer, c: outer}",
      files: [
        "b.yaml": "variables: {b: inner, c: inner, d: inner}\nfiles: [{content: '\(text)', target: /x, template: true}]"
      ])
    stage.variables = ["a": "line"]
    #expect(try stage.load().included.first?.files.first?.value.origin == .text("line outer outer inner"))
  }

  @Test func `A value of the command line that no recipe knows is a mistake`() throws {
    let stage = try RecipeStage("variables: {server: x}\nfiles: [{content: '{{port}}', target: /x, template: true}]")
    stage.variables = ["port": "1", "servr": "y"]
    #expect(stage.mistakes() == ["a.yaml:1: no recipe has the variable \"servr\" of --set; did you mean \"server\"?"])
    stage.variables = ["port": "1"]
    #expect(stage.mistakes().isEmpty)
  }

  @Test func `A path that is allowed, but not there, is a mistake`() throws {
    let stage = try RecipeStage("{}")
    stage.permissions.paths = ["/nowhere/at/all"]
    #expect(stage.mistakes().first?.contains("cannot allow /nowhere/at/all: No such file or directory") == true)
  }
}

extension String {
  fileprivate var trimmed: String { hasSuffix("/") ? String(dropLast()) : self }
}
