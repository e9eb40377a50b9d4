import Foundation
import TestSupport
import Testing

@testable import Recipes

/// docs/recipe.schema.json, which editors check recipes against, and the program say the same.
struct SchemaTests {
  /// Checks each recipe in the directory $2 against the schema $1, and prints the names of those that it takes.
  private static let script = """
    import json, pathlib, sys, jsonschema, yaml
    schema = json.load(open(sys.argv[1]))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for path in pathlib.Path(sys.argv[2]).glob("*.yaml"):
        if validator.is_valid(yaml.safe_load(path.read_text())):
            print(path.stem)
    """

  /// - Returns: for each recipe, whether the schema takes it.
  private static func check(_ recipes: [String]) throws -> [Bool] {
    let directory = try ScratchDirectory()
    for (number, recipe) in recipes.enumerated() { try directory.write(recipe, to: "\(number).yaml") }
    let result = try ChildProcess.run([
      "/usr/bin/python3", "-c", script, Repository.path("docs/recipe.schema.json"), directory.path,
    ])
    try #require(result.code == 0, "\(result.errors)")
    let taken = Set(result.output.split(separator: "\n").compactMap { Int($0) })
    return recipes.indices.map { taken.contains($0) }
  }

  private static let good =
    RecipeKey.allCases.map { $0.example.replacing("DIGEST", with: RecipeMistakeTests.digest) } + [
      RecipeReadingTests.everything, "{}", "hooks: [a, b]", "compression: {format: gzip}",
      "compression: {format: xz, level: 0}",
      "files: [{content: x, target: /x, mode: 7777}]", "files: [{content: x, target: /x, mode: \"755\", owner: root}]",
      "files: [{directory: true, target: /}]", "files: [{content: '', target: /..x}]", "packages: []",
      "services: [a@b.timer]",
      "variables: {a: 1, b: true, c: 1.5, d: ''}", "modules: [{source: my-module, load: false, place: updates}]",
      "archives: ['deb [arch=amd64] https://x/y sid main', 'deb http://x ./']", "name: 42",
    ]

  @Test func `Schema and program take the same recipes`() throws {
    for (recipe, isTaken) in zip(Self.good, try Self.check(Self.good)) {
      let stage = try RecipeStage(
        recipe,
        files: RecipeReadingTests.files.merging([
          "common.yaml": "{}", "debs/tool.deb": RecipeStage.debianPackage, "my-tool": "", "my-module/Makefile": "",
        ]) { $1 })
      stage.permissions.hasNetwork = true
      #expect(stage.mistakes() == [], "the program: \(recipe)")
      #expect(isTaken, "the schema: \(recipe)")
    }
  }

  /// About files of this machine, about values that belong together, about numbers of findings and users, and about how
  /// text is written.
  private static let onlyTheProgramKnows = [
    "packages: [{deb: x.deb}]", "from: [b.yaml]", "from: [d]", "modules: [d]", "modules: [f]",
    "files: [{source: f, target: /}]", "files: [{source: f, target: /usr/bin/}]", "files: [{source: ., target: /x}]",
    "files: [{source: d, target: /x, template: true}]",
    "packages:\n  - a1\n  - b1\n  - a1", "files:\n  - {source: f, target: /x}\nlinks:\n  //x: y",
    "files:\n  - {source: f, target: /x/y}\nlinks:\n  /x: y", "commands: [{run: x, network: true}]",
    "ignore: [x:libary]", "files: [{source: f, target: /x, owner: '4294967296:0'}]", "required: yes",
    "files: [{source: f, target: /x, mode: +755}]",
  ]

  @Test func `Schema and program refuse the same recipes, but for what only the program can know`() throws {
    let bad = (RecipeMistakeTests.keys + RecipeMistakeTests.software + RecipeMistakeTests.placed).map(\.recipe)
    for (recipe, isTaken) in zip(bad, try Self.check(bad)) {
      #expect(isTaken == Self.onlyTheProgramKnows.contains(recipe), "\(recipe)")
    }
    #expect(Set(Self.onlyTheProgramKnows).isSubset(of: bad))
  }

  @Test func `The schema has the keys that the program knows`() throws {
    let data = try Data(contentsOf: URL(filePath: Repository.path("docs/recipe.schema.json")))
    let schema = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let properties = try #require(schema["properties"] as? [String: Any])
    #expect(Set(properties.keys) == Set(RecipeKey.allCases.map(\.rawValue)))
    for key in RecipeKey.allCases {
      // Those of all maps that the key's value, or an entry of it, can be.
      let value = properties[key.rawValue] as? [String: Any] ?? [:]
      let entry = value["items"] as? [String: Any] ?? value
      let forms = [entry] + (entry["anyOf"] as? [[String: Any]] ?? [])
      let fields = forms.flatMap { ($0["properties"] as? [String: Any] ?? [:]).keys }
      #expect(Set(fields) == Set(key.fields), "\(key)")
    }
  }
}
